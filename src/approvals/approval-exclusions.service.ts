import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import type { LockedTask } from '../lifecycle/task-lock.js';
import type { Approval } from './approval.entity.js';
import { fourEyes, sameRole } from './approval-errors.js';
import { excludedFrom, QUESTION, type Question } from './approval-exclusions.js';

/** A subject that four eyes exclude from a decision, and its acting role. */
interface Exclusion {
  subject: string;
  role: string | null;
}

/**
 * Enforces four eyes: excludes subjects from deciding, moving and consuming an approval. Each method throws
 * `approval.four_eyes`, unless `APPROVALS_FOUR_EYES` is false.
 */
@Injectable()
export class ApprovalExclusionsService {
  constructor(private readonly environment: Environment) {}

  /** Asserts that the requester role is not one of the approver roles. */
  assertOtherRole(requestedRole: string, stages: readonly string[]): void {
    const { APPROVALS_FOUR_EYES, APPROVALS_SAME_ROLE } = this.environment;
    if (!APPROVALS_FOUR_EYES || APPROVALS_SAME_ROLE) return;
    if (stages.includes(requestedRole)) throw sameRole(requestedRole);
  }

  /** Asserts that the subject may vote on an approval, or move its decision to another role. */
  async assertMayDecide(manager: EntityManager, agent: Agent, approvalId: string): Promise<void> {
    assertNotAmong(await this.list(manager, approvalId), agent);
  }

  /**
   * Asserts that the subject may decide a task for its assignee role without an approval request. Once that role was
   * requested to approve, agents that hold or held the task are excluded, with any outcome of the request.
   */
  async assertMayDecideUnrequested(
    manager: EntityManager,
    agent: Agent,
    { task_id, from_role, to_role }: LockedTask,
    digest: string,
  ): Promise<void> {
    this.assertOtherRole(from_role, [to_role]);
    if (!this.environment.APPROVALS_FOUR_EYES) return;
    const unasked: Question = { task_id, approver_role: to_role, digest };
    assertNotAmong(await sql<Exclusion>(manager, UNREQUESTED, questionParameters(unasked)), agent);
  }

  /**
   * Asserts that the decision may be moved to a role: no excluded subject acted for it.
   *
   * @throws DomainError `approval.delegation_refused` for the role, `approval.four_eyes` for the caller
   */
  async assertMayMove(
    manager: EntityManager,
    agent: Agent,
    { id, requested_role }: Approval,
    role: string,
  ): Promise<void> {
    const exclusions = await this.list(manager, id);
    assertNotAmong(exclusions, agent);
    if (this.environment.APPROVALS_SAME_ROLE) return;
    if (role !== requested_role && !exclusions.some((excluded) => excluded.role === role)) return;
    throw new DomainError(
      'approval.delegation_refused',
      `${role} requested the approval, routed the task or works on it, so it cannot decide. Choose another role.`,
    );
  }

  /**
   * Asserts that an agent that worked on the task does not withdraw or resubmit the approval that the task requires.
   */
  async assertOwnRequest(
    manager: EntityManager,
    agent: Agent,
    { task_id, to_role, requires_approval }: LockedTask,
    { requested_by, requested_role, approver_role, delegated_from, stages }: Approval,
  ): Promise<void> {
    if (!this.environment.APPROVALS_FOUR_EYES || !requires_approval) return;
    const deciding = [approver_role, delegated_from, ...stages];
    if (!deciding.includes(requires_approval.role)) return;
    if (requested_by === agent.subject || requested_role === to_role) return;
    const held = await sql(manager, HELD_BY, [task_id, agent.subject]);
    if (held.length > 0) throw fourEyes();
  }

  /**
   * Asserts that the subject did not vote in any stage of the approval that it consumes. Exception: the agent that
   * holds the task may consume its own decision if its role is the only approver and the task does not require the
   * approval.
   */
  async assertMayConsume(
    manager: EntityManager,
    { subject }: Agent,
    { chain_id, approver_role, stages }: Approval,
    { status, claimed_by, to_role, requires_approval }: LockedTask,
  ): Promise<void> {
    if (!this.environment.APPROVALS_FOUR_EYES) return;
    const holds = status === 'active' && claimed_by === subject;
    const isOfHolder = approver_role === to_role && stages.length === 1;
    if (holds && isOfHolder && requires_approval?.role !== to_role) return;
    const votes = await sql(manager, VOTED, [chain_id, subject]);
    if (votes.length > 0) throw fourEyes();
  }

  private async list(manager: EntityManager, approvalId: string): Promise<Exclusion[]> {
    if (!this.environment.APPROVALS_FOUR_EYES) return [];
    return sql<Exclusion>(manager, OF_APPROVAL, [approvalId]);
  }
}

function assertNotAmong(exclusions: readonly Exclusion[], { subject }: Agent): void {
  if (exclusions.some((excluded) => excluded.subject === subject)) throw fourEyes();
}

function questionParameters({ task_id, approver_role, digest }: Question): unknown[] {
  return [task_id, approver_role, digest];
}

const OF_APPROVAL = `
  SELECT e.subject, e.role FROM approvals a CROSS JOIN LATERAL (${excludedFrom('a')}) e WHERE a.id = $1`;

const UNREQUESTED = `
  SELECT e.subject, e.role FROM (${QUESTION}) a CROSS JOIN LATERAL (${excludedFrom('a')}) e
  UNION ALL
  -- A subject that requested an approval from this role does not decide for it; nor does a worker after such a request.
  SELECT asked.requested_by, asked.requested_role FROM approvals asked
   WHERE asked.task_id = $1 AND asked.requested_by IS NOT NULL AND $2 = ANY(asked.stages)
  UNION ALL
  SELECT s.claimed_by, s.role FROM sessions s
   WHERE s.task_id = $1 AND s.attempt IS NOT NULL AND s.claimed_by IS NOT NULL
     AND EXISTS (SELECT 1 FROM approvals asked
                  WHERE asked.task_id = $1 AND asked.requested_by IS NOT NULL
                    AND ($2 = ANY(asked.stages) OR $2 IN (asked.approver_role, asked.delegated_from)))`;

const HELD_BY = `
  SELECT 1 FROM sessions WHERE task_id = $1 AND attempt IS NOT NULL AND claimed_by = $2 LIMIT 1`;

const VOTED = `SELECT 1 FROM approval_votes WHERE chain_id = $1 AND subject = $2`;
