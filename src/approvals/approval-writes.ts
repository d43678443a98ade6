import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import type { Approval } from './approval.entity.js';
import type { AgentKind } from '../auth/agent.js';
import type { ApproverKind } from './approver-kind.js';
import { APPROVAL_ROW, type ApprovalRow, selectVotes } from './approval-rows.js';
import { isCounted } from './counted-votes.js';
import type { ApprovalStatus, Decision } from './approval-status.js';

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
> & {
  requested_by: string;
  requested_role: string;
  payload: Record<string, unknown>;
  digest: string;
  expires_in_seconds: number;
  requested_kind: ApproverKind;
  approver_kind: ApproverKind;
  repeat: boolean;
};

/** Inserts a pending approval. Returns undefined if one is already pending for the role and stage. */
export async function insertPending(
  manager: EntityManager,
  approval: NewApproval,
): Promise<ApprovalRow | undefined> {
  const [inserted] = await sql<ApprovalRow>(manager, INSERT_PENDING, [
    approval.id,
    approval.task_id,
    approval.approver_role,
    approval.requested_by,
    approval.requested_role,
    approval.reason,
    approval.payload,
    approval.digest,
    approval.quorum,
    approval.chain_id,
    approval.stage,
    approval.stages,
    approval.supersedes,
    approval.expires_in_seconds,
    approval.approver_kind,
    approval.repeat,
    approval.requested_kind,
  ]);
  return inserted;
}

/** The deadline of the task limits `expires_at`. */
const INSERT_PENDING = `
  INSERT INTO approvals AS a
    (id, task_id, approver_role, status, requested_by, requested_role, reason, payload, digest, quorum,
     chain_id, stage, stages, supersedes, created_at, expires_at, expires_in_seconds, approver_kind, repeat, requested_kind)
  SELECT $1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, t.now,
         least(t.now + make_interval(secs => $14::integer), k.deadline_at), $14::integer, $15, $16, $17
    FROM (SELECT clock_timestamp() AS now) t, tasks k
   WHERE k.id = $2
  ON CONFLICT (task_id, approver_role, stage) WHERE status = 'pending' DO NOTHING
  RETURNING ${APPROVAL_ROW}`;

/** A decision for which no approval was requested. */
export interface UnrequestedDecision {
  id: string;
  task_id: string;
  approver_role: string;
  status: Decision;
  decided_by: string;
  decided_by_kind: AgentKind;
  approver_kind: ApproverKind;
  notes: string;
  reason: string;
  payload: Record<string, unknown>;
  digest: string;
}

/**
 * Inserts a decision for which no approval was requested. Returns undefined if the role has a pending or decided
 * approval of the task. The caller holds the lock of the task.
 */
export async function insertDecided(
  manager: EntityManager,
  decision: UnrequestedDecision,
  consumeSeconds: number,
): Promise<ApprovalRow | undefined> {
  const [inserted] = await sql<ApprovalRow>(manager, INSERT_DECIDED, [
    decision.id,
    decision.task_id,
    decision.approver_role,
    decision.status,
    decision.decided_by,
    decision.notes,
    decision.reason,
    decision.payload,
    decision.digest,
    consumeSeconds,
    decision.decided_by_kind,
    decision.approver_kind,
  ]);
  return inserted;
}

const INSERT_DECIDED = `
  INSERT INTO approvals AS a
    (id, task_id, approver_role, status, decided_by, notes, reason, payload, digest, chain_id, stages,
     created_at, decision_at, consume_until, decided_by_kind, approver_kind)
  SELECT $1::uuid, $2::uuid, $3::varchar, $4::varchar, $5, $6, $7, $8, $9, $1, ARRAY[$3], t.now, t.now,
         CASE WHEN $4 = 'approved' THEN t.now + make_interval(secs => $10) END, $11, $12
    FROM (SELECT clock_timestamp() AS now) t
   WHERE NOT EXISTS (
     SELECT 1 FROM approvals
      WHERE task_id = $2 AND approver_role = $3 AND status IN ('pending', 'approved', 'rejected'))
  RETURNING ${APPROVAL_ROW}`;

export interface Vote {
  decision: Decision;
  subject: string;
  kind: AgentKind;
  notes: string;
}

/** The result of a vote. */
interface CountedVote {
  /** Number of votes that count, with this one. */
  votes: number;
  /** The earlier vote of the subject that this one changes. */
  changed_from?: Decision;
}

/**
 * Inserts a vote and counts the votes. Returns undefined if the subject has already voted in this chain. Exceptions: a
 * vote to approve can be changed to a rejection, which is decisive, so that the stored vote stays; a vote that no
 * longer counts is renewed.
 */
export async function insertVote(
  manager: EntityManager,
  { id, chain_id }: Approval,
  { decision, subject, kind, notes }: Vote,
): Promise<CountedVote | undefined> {
  const [renewed, inserted, votes] = await Promise.all([
    sql(manager, RENEW_VOTE, [id, subject, decision, notes]),
    sql(manager, INSERT_VOTE, [id, chain_id, subject, decision, notes, kind]),
    selectVotes(manager, id),
  ]);
  if (renewed.length + inserted.length > 0) return { votes: votes.length };
  const before = votes.find((vote) => vote.subject === subject);
  if (before?.decision !== 'approved' || decision !== 'rejected') return undefined;
  return { votes: votes.length, changed_from: 'approved' };
}

const RENEW_VOTE = `
  INSERT INTO vote_renewals (approval_id, subject, decision, notes)
  SELECT v.approval_id, v.subject, $3::varchar, $4::text
    FROM approval_votes v JOIN approvals a ON a.id = v.approval_id
   WHERE v.approval_id = $1 AND v.subject = $2 AND NOT ${isCounted('a')}
  RETURNING 1`;

const INSERT_VOTE = `
  INSERT INTO approval_votes (approval_id, chain_id, subject, decision, notes, kind)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1`;

export interface ApprovalEnd {
  status: Exclude<ApprovalStatus, 'pending' | 'expired'>;
  decided_by?: string;
  decided_by_kind?: AgentKind;
  notes?: string;
  /** Time to consume the approval, in seconds. Only for an approved last stage. */
  consume_seconds?: number;
}

/** Ends a pending approval. Returns undefined if it has already ended or expired. */
export async function endApproval(
  manager: EntityManager,
  id: string,
  { status, decided_by, decided_by_kind, notes, consume_seconds }: ApprovalEnd,
): Promise<ApprovalRow | undefined> {
  const [ended] = await sql<ApprovalRow>(manager, END_APPROVAL, [
    id,
    status,
    decided_by ?? null,
    notes ?? null,
    consume_seconds ?? null,
    decided_by_kind ?? null,
  ]);
  return ended;
}

const END_APPROVAL = `
  UPDATE approvals a
     SET status = $2, decided_by = $3, decided_by_kind = $6, notes = coalesce($4, a.notes), decision_at = clock_timestamp(),
         consume_until = clock_timestamp() + make_interval(secs => $5)
   WHERE a.id = $1 AND a.status = 'pending' AND a.expires_at > clock_timestamp()
  RETURNING ${APPROVAL_ROW}`;
