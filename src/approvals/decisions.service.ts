import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { isBlank } from '../common/invisible-characters.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { canonicalDigest } from '../http/canonical-json.js';
import { getReadableTask, taskRelations } from '../lifecycle/task-summary.js';
import { type LockedTask, lockOpenTask } from '../lifecycle/task-lock.js';
import { newId } from '../common/new-id.js';
import {
  alreadyEnded,
  ambiguousApproval,
  ambiguousRole,
  nonePending,
  notesRequired,
} from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalExpiryService } from './approval-expiry.service.js';
import {
  type ApprovalRow,
  getLatest,
  isRequestedOrDecided,
  selectPending,
} from './approval-rows.js';
import { SubjectRolesService } from '../subjects/subject-roles.service.js';
import type { ApproverKind } from './approver-kind.js';
import { assertKind, requiredKind } from './approver-kind-rules.js';
import { assertRoom } from './request-rules.js';
import { insertDecided, insertVote } from './approval-writes.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import { type ApprovalAckDto, toApprovalAck } from './dto/approval-ack.dto.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';
import { assertDecides, type CreateApprovalDto } from './dto/create-approval.dto.js';
import type { DecideApprovalDto } from './dto/decide-approval.dto.js';
import { CONSUME_SECONDS, type Verdict, VotesService } from './votes.service.js';

/** Decides approvals: one by its id, or the one that is pending for a role and task. */
@Injectable()
export class DecisionsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly votes: VotesService,
    private readonly expiry: ApprovalExpiryService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly audit: AuditService,
    private readonly subjects: SubjectRolesService,
    private readonly environment: Environment,
  ) {}

  /** Votes on one approval. */
  async decide(
    agent: Agent,
    id: string,
    { decision, comments }: DecideApprovalDto,
  ): Promise<ApprovalDto> {
    const verdict = { decision, notes: notesOf(decision, comments) };
    const approval = await this.transactions.run(async (manager) => {
      const { task } = await this.reader.getWithTask(manager, agent, id);
      const locked = await lockOpenTask(manager, task.task_id);
      return this.votes.vote(manager, agent, locked, id, verdict);
    });
    return toApprovalDto(approval);
  }

  /**
   * Votes on the approval of a task that is pending for a role of the caller. Without one, the assignee role of the
   * task may decide once without a request: routing the task to it was the request.
   */
  async decideAbout(
    agent: Agent,
    dto: CreateApprovalDto,
    decision: Verdict['decision'],
  ): Promise<ApprovalAckDto> {
    assertDecides(dto);
    // v0.4 agents send their comments as `reason`.
    const verdict = { decision, notes: notesOf(decision, dto.comments, dto.reason) };
    const approval = await this.transactions.run(async (manager) => {
      await getReadableTask(manager, agent, dto.task_id);
      const roles = decidingRoles(agent, dto.approver_role);
      const task = await lockOpenTask(manager, dto.task_id);
      const pending = await selectPending(manager, task.task_id, roles);
      const isUnasked = await this.isUnrequested(manager, task, roles);
      const candidates = [
        ...pending.map(({ approver_role }) => approver_role),
        ...(isUnasked ? [task.to_role] : []),
      ];
      const role = decidingRole(agent, new Set(candidates), pending);
      const [chosen, ...others] = pending.filter(({ approver_role }) => approver_role === role);
      if (!chosen) return this.decideUnrequested(manager, agent, task, roles, dto, verdict);
      if (others.length > 0) throw ambiguousApproval([chosen, ...others]);
      return this.votes.vote(manager, agent, task, chosen.id, verdict);
    });
    return toApprovalAck(approval);
  }

  /** Returns whether the assignee role is among these roles and has no pending or decided approval. */
  private async isUnrequested(
    manager: EntityManager,
    { task_id, to_role }: LockedTask,
    roles: readonly string[],
  ): Promise<boolean> {
    return roles.includes(to_role) && !(await isRequestedOrDecided(manager, task_id, to_role));
  }

  private async decideUnrequested(
    manager: EntityManager,
    agent: Agent,
    task: LockedTask,
    roles: readonly string[],
    { reason = '' }: CreateApprovalDto,
    { decision, notes }: Verdict,
  ): Promise<ApprovalRow> {
    const { task_id, to_role: approver_role, subject } = task;
    if (!roles.includes(approver_role)) throw nonePending();
    authorize('approvals.decide', [...taskRelations(agent, task), 'approver'], nonePending);
    await this.subjects.assertStillHeld(manager, agent, approver_role);
    const payload = { ...subject };
    const digest = canonicalDigest(payload).toString('hex');
    await this.exclusions.assertMayDecideUnrequested(manager, agent, task, digest);
    const approver_kind = await this.kindUnrequested(manager, task);
    assertKind(agent, approver_kind, this.environment);
    await assertRoom(manager, task_id, [approver_role]);
    await this.expiry.expireOf(manager, task_id);
    const decided = await insertDecided(
      manager,
      {
        ...{ id: newId(), task_id, approver_role, payload, digest, reason, notes },
        status: decision,
        decided_by: agent.subject,
        decided_by_kind: agent.kind,
        approver_kind,
      },
      CONSUME_SECONDS,
    );
    if (!decided) throw alreadyEnded(await getLatest(manager, task_id, approver_role));
    await insertVote(manager, decided, { decision, ...agent, notes });
    const by = { role: approver_role, subject: agent.subject };
    this.audit.record(
      manager,
      approvalEvent('approval_decided', decided, task, by, { decision, kind: agent.kind }),
    );
    return decided;
  }

  /** Returns the kind of approver for a decision without a request: the same as for earlier requests to the role. */
  private async kindUnrequested(
    manager: EntityManager,
    { task_id, to_role: approver_role, requires_approval }: LockedTask,
  ): Promise<ApproverKind> {
    const isRequired = requires_approval?.role === approver_role;
    const asked = isRequired ? (requires_approval.approver_kind ?? 'any') : 'any';
    const role = { approver_role, stage: 1, stages: [approver_role] };
    const kind = requiredKind({ ...role, approver_kind: asked }, this.environment);
    if (kind === 'human') return kind;
    const before = await sql(
      manager,
      `SELECT 1 FROM approvals a WHERE a.task_id = $1 AND a.approver_kind = 'human'
          AND $2 IN (a.approver_role, a.delegated_from, a.stages[a.stage]) LIMIT 1`,
      [task_id, approver_role],
    );
    return before.length > 0 ? 'human' : 'any';
  }
}

/** Returns the first text that is not blank for a rejection, which requires one; else the first text. */
function notesOf(decision: Verdict['decision'], ...told: (string | undefined)[]): string {
  const notes = told.find((text) => text !== undefined && !isBlank(text));
  if (notes === undefined && decision === 'rejected') throw notesRequired();
  return decision === 'rejected' ? (notes ?? '') : (told[0] ?? '');
}

/** Returns the role for which the agent decides: the only one that can, else the default role of its token. */
function decidingRole(
  { defaultRole }: Agent,
  candidates: ReadonlySet<string>,
  pending: readonly ApprovalRow[],
): string | undefined {
  if (candidates.size < 2) return [...candidates][0];
  if (defaultRole !== undefined && candidates.has(defaultRole)) return defaultRole;
  throw ambiguousRole([...candidates], pending);
}

/**
 * Returns the roles for which the agent may decide: the named one if it holds that, or all it holds if none is named.
 */
function decidingRoles(agent: Agent, named: string | undefined): readonly string[] {
  if (named === undefined) return agent.roles;
  if (agent.roles.includes(named)) return [named];
  throw new DomainError(
    'auth.role_not_held',
    'Your token does not carry the role in approver_role. Name one of your roles; GET /me lists them.',
  );
}
