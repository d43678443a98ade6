import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { statusNow, taskStatusNow } from '../lifecycle/overdue.sql.js';
import { expectTask } from '../lifecycle/task-summary.js';
import type { ApprovedTask } from './approval-context.sql.js';
import type { Approval } from './approval.entity.js';
import { APPROVAL_ROW, type ApprovalRow } from './approval-rows.sql.js';
import { expiredCondition } from './approval-status.sql.js';

/** How many approvals and approver roles a task has. */
export interface TaskApprovalCounts {
  /** Counts the stages that are not open yet. */
  approvals: number;
  roles: number;
}

/** When, by which subject and in which attempt an approval was consumed. */
export type ConsumedApproval = Pick<
  Approval,
  'id' | 'consumed_at' | 'consumed_by' | 'consumed_attempt'
>;

/** Reads and locks approvals. */
@Injectable()
export class ApprovalsRepository {
  constructor(private readonly environment: Environment) {}

  async find(manager: EntityManager, id: string): Promise<ApprovalRow | undefined> {
    const text = `SELECT ${APPROVAL_ROW} FROM approvals a WHERE a.id = $1`;
    const [approval] = await sql<ApprovalRow>(manager, text, [id]);
    return approval;
  }

  /** Locks and returns an approval. Waits for transactions that change it. */
  async lock(manager: EntityManager, id: string): Promise<ApprovalRow> {
    const text = `SELECT ${APPROVAL_ROW} FROM approvals a WHERE a.id = $1 FOR UPDATE OF a`;
    return expectApproval(await sql<ApprovalRow>(manager, text, [id]));
  }

  /** Returns the latest approval of a task and role; a withdrawn one only if there is no other. */
  async getLatest(manager: EntityManager, taskId: string, role: string): Promise<ApprovalRow> {
    return expectApproval(await sql<ApprovalRow>(manager, LATEST, [taskId, role]));
  }

  /** Returns the approvals of a task that the roles can decide now, oldest first. */
  listPending(
    manager: EntityManager,
    taskId: string,
    roles: readonly string[],
  ): Promise<ApprovalRow[]> {
    return sql(manager, PENDING, [taskId, roles]);
  }

  /** Returns the pending stage of the chain of an approval. Undefined if the chain has ended. */
  async findPendingStage(
    manager: EntityManager,
    { task_id, chain_id }: Pick<Approval, 'task_id' | 'chain_id'>,
  ): Promise<ApprovalRow | undefined> {
    const [pending] = await sql<ApprovalRow>(manager, PENDING_STAGE, [task_id, chain_id]);
    return pending;
  }

  /** Returns the latest consumed approval of the task with this digest, except the one named. */
  async findConsumed(
    manager: EntityManager,
    taskId: string,
    digest: string,
    except: string | null = null,
  ): Promise<ConsumedApproval | undefined> {
    const parameters = [taskId, digest, except];
    const [consumed] = await sql<ConsumedApproval>(manager, CONSUMED, parameters);
    return consumed;
  }

  /** Returns the task of an approval with its full description and current status. */
  async findTask(
    manager: EntityManager,
    id: string,
  ): Promise<Pick<ApprovedTask, 'description' | 'status'> | undefined> {
    const { SESSION_RETENTION_DAYS } = this.environment;
    const [task] = await sql<ApprovedTask>(manager, TASK, [id, SESSION_RETENTION_DAYS]);
    return task;
  }

  /** Returns whether the role has a pending or decided approval of the task. The caller holds the lock of the task. */
  async isRequestedOrDecided(
    manager: EntityManager,
    taskId: string,
    role: string,
  ): Promise<boolean> {
    return (await sql(manager, REQUESTED_OR_DECIDED, [taskId, role])).length > 0;
  }

  /** Returns whether an approval of the task needed a human to decide for the role. */
  async hasNeededHuman(manager: EntityManager, taskId: string, role: string): Promise<boolean> {
    return (await sql(manager, NEEDED_HUMAN, [taskId, role])).length > 0;
  }

  /** Returns whether an approval was resubmitted. */
  async isSuperseded(manager: EntityManager, id: string): Promise<boolean> {
    const text = `SELECT 1 FROM approvals WHERE supersedes = $1`;
    return (await sql(manager, text, [id])).length > 0;
  }

  /** Counts the approvals and approver roles of a task as if `stages` were added to its roles. */
  async countOfTask(
    manager: EntityManager,
    taskId: string,
    stages: readonly string[],
  ): Promise<TaskApprovalCounts> {
    return expectTask(await sql<TaskApprovalCounts>(manager, COUNTS, [taskId, stages]));
  }
}

function expectApproval([approval]: readonly ApprovalRow[]): ApprovalRow {
  if (!approval) throw new Error('The approval is missing, although approvals are never deleted');
  return approval;
}

const LATEST = `
  SELECT ${APPROVAL_ROW} FROM approvals a
   WHERE a.task_id = $1 AND a.approver_role = $2
   ORDER BY a.status = 'withdrawn', a.created_at DESC, a.id DESC LIMIT 1`;

const PENDING = `
  SELECT ${APPROVAL_ROW} FROM approvals a
   WHERE a.task_id = $1 AND a.status = 'pending' AND NOT ${expiredCondition('a')} AND a.approver_role = ANY($2)
   ORDER BY a.created_at, a.id`;

const PENDING_STAGE = `
  SELECT ${APPROVAL_ROW} FROM approvals a
   WHERE a.task_id = $1 AND a.chain_id = $2 AND a.status = 'pending' AND NOT ${expiredCondition('a')}`;

const TASK = `
  SELECT t.description, ${taskStatusNow('s', statusNow('s', '$2'))} AS status
    FROM approvals a JOIN tasks t ON t.id = a.task_id JOIN sessions s ON s.task_id = t.id
   WHERE a.id = $1 AND s.attempt IS NOT NULL ORDER BY s.attempt DESC LIMIT 1`;

const REQUESTED_OR_DECIDED = `
  SELECT 1 FROM approvals a
   WHERE a.task_id = $1 AND a.approver_role = $2
     AND a.status IN ('pending', 'approved', 'rejected') AND NOT ${expiredCondition('a')} LIMIT 1`;

const NEEDED_HUMAN = `
  SELECT 1 FROM approvals a
   WHERE a.task_id = $1 AND a.approver_kind = 'human'
     AND $2 IN (a.approver_role, a.delegated_from, a.stages[a.stage]) LIMIT 1`;

const CONSUMED = `
  SELECT id, consumed_at, consumed_by, consumed_attempt FROM approvals
   WHERE task_id = $1 AND digest = $2 AND consumed_at IS NOT NULL AND id IS DISTINCT FROM $3
   ORDER BY consumed_at DESC LIMIT 1`;

const COUNTS = `
  SELECT (SELECT count(*)
                 + coalesce(sum(cardinality(a.stages) - a.stage)
                     FILTER (WHERE a.status = 'pending' AND a.expires_at > clock_timestamp()), 0)
            FROM approvals a WHERE a.task_id = t.id)::integer AS approvals,
         (SELECT count(DISTINCT role)
            FROM (SELECT unnest(a.stages || a.approver_role || a.delegated_from || a.reassigned_from) AS role
                    FROM approvals a WHERE a.task_id = t.id
                   UNION ALL SELECT unnest($2::varchar[])
                   UNION ALL SELECT t.requires_approval->>'role') roles)::integer AS roles
    FROM tasks t WHERE t.id = $1`;
