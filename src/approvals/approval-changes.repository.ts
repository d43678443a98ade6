import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AgentKind } from '../auth/agent.js';
import { sql } from '../database/sql.js';
import { assignments, insertSelect, statement } from '../database/statement.js';
import type { Approval } from './approval.entity.js';
import { APPROVAL_ROW, type ApprovalRow } from './approval-rows.sql.js';

/** The values of a new pending approval. */
export type NewApproval = Pick<
  Approval,
  | 'id'
  | 'task_id'
  | 'approver_role'
  | 'reason'
  | 'quorum'
  | 'chain_id'
  | 'stage'
  | 'stages'
  | 'supersedes'
  | 'requested_kind'
  | 'approver_kind'
  | 'repeat'
> & {
  requested_by: string;
  requested_role: string;
  payload: Record<string, unknown>;
  digest: string;
  expires_in_seconds: number;
};

/** The values of a decision for which no approval was requested. */
export type UnrequestedDecision = Pick<
  Approval,
  | 'id'
  | 'task_id'
  | 'approver_role'
  | 'status'
  | 'decided_by'
  | 'decided_by_kind'
  | 'approver_kind'
  | 'notes'
  | 'reason'
  | 'payload'
  | 'digest'
> & {
  /** Time to consume the approval if it is approved, in seconds. */
  consume_seconds: number;
};

/** The values of an ended approval. A value that is undefined is NULL. */
export interface ApprovalEnd {
  id: string;
  status: 'approved' | 'rejected' | 'withdrawn';
  decided_by?: string;
  decided_by_kind?: AgentKind;
  /** Undefined keeps the notes. */
  notes?: string;
  /** Time to consume the approval, in seconds. Only for an approved last stage. */
  consume_seconds?: number;
}

/** The values of an approval whose decision is delegated or recalled. */
export type ApprovalMove = Pick<
  Approval,
  'id' | 'approver_role' | 'approver_kind' | 'delegated_from'
>;

/** The values of an approval whose decision is reassigned. Earlier votes no longer count. */
export type Reassignment = Pick<Approval, 'id' | 'approver_role' | 'approver_kind'> & {
  reassigned_by: string;
};

/** Inserts, moves and ends approvals. */
@Injectable()
export class ApprovalChangesRepository {
  /** Inserts a pending approval. Returns undefined if one is already pending for the role and stage. */
  async insertPending(
    manager: EntityManager,
    approval: NewApproval,
  ): Promise<ApprovalRow | undefined> {
    const [inserted] = await sql<ApprovalRow>(manager, ...INSERT_PENDING(approval));
    return inserted;
  }

  /**
   * Inserts a decision for which no approval was requested. Returns undefined if the role has a pending or decided
   * approval of the task. The caller holds the lock of the task.
   */
  async insertDecided(
    manager: EntityManager,
    decision: UnrequestedDecision,
  ): Promise<ApprovalRow | undefined> {
    const [inserted] = await sql<ApprovalRow>(manager, ...INSERT_DECIDED(decision));
    return inserted;
  }

  /** Moves the decision of a pending approval to another role. Returns undefined if it has ended or expired. */
  async move(manager: EntityManager, change: ApprovalMove): Promise<ApprovalRow | undefined> {
    const [moved] = await sql<ApprovalRow>(manager, ...MOVE(change));
    return moved;
  }

  /** Like {@link move}, after which earlier votes do not count. */
  async reassign(manager: EntityManager, change: Reassignment): Promise<ApprovalRow | undefined> {
    const [reassigned] = await sql<ApprovalRow>(manager, ...REASSIGN(change));
    return reassigned;
  }

  /** Ends a pending approval. Returns undefined if it has already ended or expired. */
  async end(manager: EntityManager, end: ApprovalEnd): Promise<ApprovalRow | undefined> {
    const [ended] = await sql<ApprovalRow>(manager, ...END(end));
    return ended;
  }

  /** Withdraws the pending approvals of a task, and returns them. */
  withdrawPending(manager: EntityManager, taskId: string): Promise<Approval[]> {
    return sql(manager, WITHDRAW_PENDING, [taskId]);
  }
}

const INSERT_PENDING = statement<NewApproval>(
  (value) => `
  ${insertSelect<Partial<Approval>>('approvals AS a', {
    id: value.id,
    task_id: value.task_id,
    approver_role: value.approver_role,
    status: `'pending'`,
    requested_by: value.requested_by,
    requested_role: value.requested_role,
    reason: value.reason,
    payload: value.payload,
    digest: value.digest,
    quorum: value.quorum,
    chain_id: value.chain_id,
    stage: value.stage,
    stages: value.stages,
    supersedes: value.supersedes,
    requested_kind: value.requested_kind,
    approver_kind: value.approver_kind,
    repeat: value.repeat,
    created_at: 'c.now',
    expires_in_seconds: `${value.expires_in_seconds}::integer`,
    // The deadline of the task limits it.
    expires_at: `least(c.now + make_interval(secs => ${value.expires_in_seconds}), t.deadline_at)`,
  })}
    FROM (SELECT clock_timestamp() AS now) c, tasks t
   WHERE t.id = ${value.task_id}
  ON CONFLICT (task_id, approver_role, stage) WHERE status = 'pending' DO NOTHING
  RETURNING ${APPROVAL_ROW}`,
);

const INSERT_DECIDED = statement<UnrequestedDecision>(
  (value) => `
  ${insertSelect<Partial<Approval>>('approvals AS a', {
    id: `${value.id}::uuid`,
    task_id: `${value.task_id}::uuid`,
    approver_role: `${value.approver_role}::varchar`,
    status: `${value.status}::varchar`,
    decided_by: value.decided_by,
    decided_by_kind: value.decided_by_kind,
    approver_kind: value.approver_kind,
    notes: value.notes,
    reason: value.reason,
    payload: value.payload,
    digest: value.digest,
    chain_id: value.id,
    stages: `ARRAY[${value.approver_role}]`,
    created_at: 'c.now',
    decision_at: 'c.now',
    consume_until: `CASE WHEN ${value.status} = 'approved' THEN c.now + make_interval(secs => ${value.consume_seconds}) END`,
  })}
    FROM (SELECT clock_timestamp() AS now) c
   WHERE NOT EXISTS (
     SELECT 1 FROM approvals
      WHERE task_id = ${value.task_id} AND approver_role = ${value.approver_role}
        AND status IN ('pending', 'approved', 'rejected'))
  RETURNING ${APPROVAL_ROW}`,
);

const IS_OPEN = `a.status = 'pending' AND a.expires_at > clock_timestamp()`;

const MOVE = statement<ApprovalMove>(
  ({ id, approver_role, approver_kind, delegated_from }) => `
  UPDATE approvals a SET ${assignments<Approval>({ approver_role, approver_kind, delegated_from })}
   WHERE a.id = ${id} AND ${IS_OPEN}
  RETURNING ${APPROVAL_ROW}`,
);

const REASSIGN = statement<Reassignment>(
  ({ id, approver_role, approver_kind, reassigned_by }) => `
  UPDATE approvals a SET ${assignments<Approval>({
    approver_role,
    approver_kind,
    delegated_from: 'NULL',
    reassigned_from: 'a.approver_role',
    reassigned_by,
    reassigned_at: 'clock_timestamp()',
  })}
   WHERE a.id = ${id} AND ${IS_OPEN}
  RETURNING ${APPROVAL_ROW}`,
);

const END = statement<ApprovalEnd>(
  ({ id, status, decided_by, decided_by_kind, notes, consume_seconds }) => `
  UPDATE approvals a SET ${assignments<Approval>({
    status,
    decided_by,
    decided_by_kind,
    notes: `coalesce(${notes}, a.notes)`,
    decision_at: 'clock_timestamp()',
    consume_until: `clock_timestamp() + make_interval(secs => ${consume_seconds})`,
  })}
   WHERE a.id = ${id} AND ${IS_OPEN}
  RETURNING ${APPROVAL_ROW}`,
);

const WITHDRAW_PENDING = `
  UPDATE approvals a SET status = 'withdrawn', decision_at = clock_timestamp()
   WHERE a.task_id = $1 AND ${IS_OPEN}
  RETURNING *`;
