import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import type { ApprovalStatus, Decision } from './approval-status.js';
import type { Approval } from './approval.entity.js';

export interface NewApproval {
  id: string;
  task_id: string;
  approver_role: string;
  requested_by: string;
  requested_role: string;
  reason: string;
}

/** Inserts a pending approval; undefined when one is pending for the role already. */
export async function insertPending(
  manager: EntityManager,
  approval: NewApproval,
): Promise<Approval | undefined> {
  const [inserted] = await sql<Approval>(
    manager,
    `INSERT INTO approvals (id, task_id, approver_role, status, requested_by, requested_role, reason)
     VALUES ($1, $2, $3, 'pending', $4, $5, $6)
     ON CONFLICT (task_id, approver_role) WHERE status = 'pending' DO NOTHING
     RETURNING *`,
    [
      approval.id,
      approval.task_id,
      approval.approver_role,
      approval.requested_by,
      approval.requested_role,
      approval.reason,
    ],
  );
  return inserted;
}

export interface UnaskedDecision {
  id: string;
  task_id: string;
  approver_role: string;
  status: Decision;
  decided_by: string;
  notes: string;
  reason: string;
}

/**
 * Inserts a decision that nobody asked for in so many words; undefined when the role has decided before. Decisions
 * of one task wait for each other on its row.
 */
export async function insertDecided(
  manager: EntityManager,
  decision: UnaskedDecision,
): Promise<Approval | undefined> {
  await sql(manager, `SELECT 1 FROM tasks WHERE id = $1 FOR NO KEY UPDATE`, [decision.task_id]);
  const [inserted] = await sql<Approval>(
    manager,
    `INSERT INTO approvals (id, task_id, approver_role, status, decided_by, notes, reason, decision_at)
     SELECT $1, $2::uuid, $3::varchar, $4, $5, $6, $7, clock_timestamp()
      WHERE NOT EXISTS (
        SELECT 1 FROM approvals
         WHERE task_id = $2 AND approver_role = $3 AND status IN ('pending', 'approved', 'rejected'))
     RETURNING *`,
    [
      decision.id,
      decision.task_id,
      decision.approver_role,
      decision.status,
      decision.decided_by,
      decision.notes,
      decision.reason,
    ],
  );
  return inserted;
}

/** Settles a pending approval; undefined when somebody else was first. */
export async function settle(
  manager: EntityManager,
  id: string,
  status: Exclude<ApprovalStatus, 'pending'>,
  decision?: { decided_by: string; notes: string },
): Promise<Approval | undefined> {
  const [settled] = await sql<Approval>(
    manager,
    `UPDATE approvals
        SET status = $2, decided_by = $3, notes = coalesce($4, notes), decision_at = clock_timestamp()
      WHERE id = $1 AND status = 'pending'
     RETURNING *`,
    [id, status, decision?.decided_by ?? null, decision?.notes ?? null],
  );
  return settled;
}

/** The approval with the status it has for whoever asks now, having waited for those who are changing it. */
export async function lockApproval(manager: EntityManager, id: string): Promise<Approval> {
  const [approval] = await sql<Approval>(
    manager,
    `SELECT * FROM approvals WHERE id = $1 FOR UPDATE`,
    [id],
  );
  if (!approval) throw new Error('approvals are never deleted');
  return approval;
}

export async function findApproval(
  manager: EntityManager,
  id: string,
): Promise<Approval | undefined> {
  const [approval] = await sql<Approval>(manager, `SELECT * FROM approvals WHERE id = $1`, [id]);
  return approval;
}

/** The latest approval of a task by a role that was not withdrawn, if there is one. */
export async function getLatest(
  manager: EntityManager,
  taskId: string,
  role: string,
): Promise<Approval> {
  const [latest] = await sql<Approval>(
    manager,
    `SELECT * FROM approvals WHERE task_id = $1 AND approver_role = $2
      ORDER BY status = 'withdrawn', created_at DESC, id DESC LIMIT 1`,
    [taskId, role],
  );
  if (!latest) throw new Error('approvals are never deleted');
  return latest;
}

/** The pending approvals of a task that the roles are asked for, the oldest first. */
export async function selectPending(
  manager: EntityManager,
  taskId: string,
  roles: readonly string[],
): Promise<Approval[]> {
  return sql<Approval>(
    manager,
    `SELECT * FROM approvals
      WHERE task_id = $1 AND status = 'pending' AND approver_role = ANY($2)
      ORDER BY created_at, id`,
    [taskId, roles],
  );
}

/** The approvals of a task, the first one first. */
export async function selectApprovals(manager: EntityManager, taskId: string): Promise<Approval[]> {
  return sql<Approval>(
    manager,
    `SELECT * FROM approvals WHERE task_id = $1 ORDER BY created_at, id`,
    [taskId],
  );
}
