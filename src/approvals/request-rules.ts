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

/** The latest consumption of an approval of the task with this digest, other than the approval named. */
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
 * Refuses a chain of stages, or a role that decides in place of another, that would exceed the limits of a task. Stages
 * that are not open yet count, so that a chain which has begun can go on. The caller holds the task's lock.
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
    throw limitReached(`A task has at most ${MAX_APPROVALS} approvals, stages to come among them.`);
  }
  if (roles > MAX_APPROVER_ROLES) {
    throw limitReached(`At most ${MAX_APPROVER_ROLES} roles approve for a task.`);
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
