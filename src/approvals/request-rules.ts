import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { expectTask } from '../lifecycle/task-summary.js';
import type { Approval } from './approval.entity.js';
import { limitReached } from './approval-errors.js';
import { MAX_APPROVALS, MAX_APPROVER_ROLES } from './approval-limits.js';

export type ConsumedApproval = Pick<
  Approval,
  'id' | 'consumed_at' | 'consumed_by' | 'consumed_attempt'
>;

/** Returns the latest consumed approval of the task with this digest, except the one named. */
export async function findConsumed(
  manager: EntityManager,
  taskId: string,
  digest: string,
  except: string | null = null,
): Promise<ConsumedApproval | undefined> {
  const [consumed] = await sql<ConsumedApproval>(
    manager,
    `SELECT id, consumed_at, consumed_by, consumed_attempt FROM approvals
      WHERE task_id = $1 AND digest = $2 AND consumed_at IS NOT NULL AND id IS DISTINCT FROM $3
      ORDER BY consumed_at DESC LIMIT 1`,
    [taskId, digest, except],
  );
  return consumed;
}

/**
 * Asserts that new stages, or a new approver role, keep the limits of a task. Stages that are not open yet count, so
 * that a started chain can always continue. The caller holds the lock of the task.
 *
 * @throws DomainError `approval.limit_reached`
 */
export async function assertRoom(
  manager: EntityManager,
  taskId: string,
  stages: readonly string[],
  added = stages.length,
): Promise<void> {
  const { approvals, roles } = expectTask(
    await sql<{ approvals: number; roles: number }>(manager, ROOM, [taskId, stages]),
  );
  if (approvals + added > MAX_APPROVALS) {
    throw limitReached(
      `A task can have at most ${MAX_APPROVALS} approvals, including stages that are not open yet. Request fewer stages, or route another task.`,
    );
  }
  if (roles > MAX_APPROVER_ROLES) {
    throw limitReached(
      `A task can have at most ${MAX_APPROVER_ROLES} approver roles. Choose a role that already approves for the task, or route another task.`,
    );
  }
}

const ROOM = `
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
