import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import type { Approval } from './approval.entity.js';
import { approvalStatusNow, type Decision, expiredCondition } from './approval-status.js';
import { isCounted } from './counted-votes.js';
import {
  APPROVED_TASK,
  type ApprovedTask,
  EARLIER,
  type EarlierDecision,
} from './approval-context.js';

/** An approval with its current status, its votes, earlier decisions about the same payload, and its task. */
export type ApprovalRow = Approval & {
  votes: number;
  earlier: EarlierDecision[];
  task: ApprovedTask;
};

/**
 * Returns the SQL condition that a vote `v` counts for the approval with this alias: it was cast after the decision
 * was reassigned, its subject did not change it to the deciding rejection, and did not lose the role. Votes that do
 * not count stay stored.
 */
function counts(approval: string): string {
  return `(${approval}.reassigned_at IS NULL OR v.created_at > ${approval}.reassigned_at)
    AND NOT (${approval}.status = 'rejected' AND v.decision = 'approved' AND v.subject = ${approval}.decided_by)
    AND ${isCounted(approval)}`;
}

/** The columns of an {@link ApprovalRow} `a`. The second `status` replaces the stored one. */
export const APPROVAL_ROW = `
  a.*, ${approvalStatusNow('a')} AS status,
  (SELECT count(*)::integer FROM approval_votes v
    WHERE v.approval_id = a.id AND v.decision = 'approved' AND ${counts('a')}) AS votes,
  ${EARLIER} AS earlier, ${APPROVED_TASK} AS task`;

/** Returns the votes that count for an approval, oldest first. */
export async function selectVotes(
  manager: EntityManager,
  approvalId: string,
): Promise<{ subject: string; decision: Decision }[]> {
  return sql(
    manager,
    `SELECT v.subject, v.decision FROM approvals a JOIN approval_votes v ON v.approval_id = a.id
      WHERE a.id = $1 AND ${counts('a')} ORDER BY v.created_at`,
    [approvalId],
  );
}

/** Locks and returns an approval. Waits for transactions that change it. */
export async function lockApproval(manager: EntityManager, id: string): Promise<ApprovalRow> {
  const [approval] = await sql<ApprovalRow>(
    manager,
    `SELECT ${APPROVAL_ROW} FROM approvals a WHERE a.id = $1 FOR UPDATE OF a`,
    [id],
  );
  if (!approval) throw new Error('The approval is missing, although approvals are never deleted');
  return approval;
}

export async function findApproval(
  manager: EntityManager,
  id: string,
): Promise<ApprovalRow | undefined> {
  const [approval] = await sql<ApprovalRow>(
    manager,
    `SELECT ${APPROVAL_ROW} FROM approvals a WHERE a.id = $1`,
    [id],
  );
  return approval;
}

/** Returns the latest approval of a task and role; a withdrawn one only if there is no other. */
export async function getLatest(
  manager: EntityManager,
  taskId: string,
  role: string,
): Promise<ApprovalRow> {
  const [latest] = await sql<ApprovalRow>(
    manager,
    `SELECT ${APPROVAL_ROW} FROM approvals a WHERE a.task_id = $1 AND a.approver_role = $2
      ORDER BY a.status = 'withdrawn', a.created_at DESC, a.id DESC LIMIT 1`,
    [taskId, role],
  );
  if (!latest) throw new Error('The approval is missing, although approvals are never deleted');
  return latest;
}

/** Returns whether the role has a pending or decided approval of the task. The caller holds the lock of the task. */
export async function isRequestedOrDecided(
  manager: EntityManager,
  taskId: string,
  role: string,
): Promise<boolean> {
  const found = await sql(
    manager,
    `SELECT 1 FROM approvals a
      WHERE a.task_id = $1 AND a.approver_role = $2
        AND a.status IN ('pending', 'approved', 'rejected') AND NOT ${expiredCondition('a')} LIMIT 1`,
    [taskId, role],
  );
  return found.length > 0;
}

/** Returns the approvals of a task that the roles can decide now, oldest first. */
export async function selectPending(
  manager: EntityManager,
  taskId: string,
  roles: readonly string[],
): Promise<ApprovalRow[]> {
  return sql<ApprovalRow>(
    manager,
    `SELECT ${APPROVAL_ROW} FROM approvals a
      WHERE a.task_id = $1 AND a.status = 'pending' AND NOT ${expiredCondition('a')} AND a.approver_role = ANY($2)
      ORDER BY a.created_at, a.id`,
    [taskId, roles],
  );
}

/** Returns the pending stage of the chain of an approval. Undefined if the chain has ended. */
export async function findPendingStage(
  manager: EntityManager,
  { task_id, chain_id }: Pick<Approval, 'task_id' | 'chain_id'>,
): Promise<ApprovalRow | undefined> {
  const [pending] = await sql<ApprovalRow>(
    manager,
    `SELECT ${APPROVAL_ROW} FROM approvals a
      WHERE a.task_id = $1 AND a.chain_id = $2 AND a.status = 'pending' AND NOT ${expiredCondition('a')}`,
    [task_id, chain_id],
  );
  return pending;
}

/** Returns whether an approval was resubmitted. */
export async function isSuperseded(manager: EntityManager, id: string): Promise<boolean> {
  return (await sql(manager, `SELECT 1 FROM approvals WHERE supersedes = $1`, [id])).length > 0;
}
