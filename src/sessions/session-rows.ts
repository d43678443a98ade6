import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { statusNow } from '../lifecycle/overdue.js';
import type { Session } from './session.entity.js';

/** A session to be: pending, at version 1. */
export type NewSession = Pick<
  Session,
  'id' | 'role' | 'task_id' | 'metadata' | 'trace_id' | 'created_by' | 'attempt'
>;

/** Inserts a session; undefined when its id is taken. */
export async function insertSession(
  manager: EntityManager,
  session: NewSession,
): Promise<Session | undefined> {
  const [inserted] = await sql<Session>(
    manager,
    `INSERT INTO sessions (id, role, task_id, status, metadata, trace_id, created_by, attempt)
     VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7)
     ON CONFLICT (id) DO NOTHING
     RETURNING *`,
    [
      session.id,
      session.role,
      session.task_id,
      session.metadata,
      session.trace_id,
      session.created_by,
      session.attempt,
    ],
  );
  return inserted;
}

/** The session, locked until the transaction ends; `expired` when it is overdue, whether or not that is written yet. */
export async function lockSession(
  manager: EntityManager,
  id: string,
  retentionDays: number,
): Promise<Session | undefined> {
  const [session] = await sql<Session>(
    manager,
    // The second status, which readers see, takes the place of the stored one.
    `SELECT s.*, ${statusNow('s', '$2')} AS status FROM sessions s WHERE s.id = $1 FOR UPDATE`,
    [id, retentionDays],
  );
  return session;
}

/** The attempts of a task, the first one first. */
export async function selectAttempts(
  manager: EntityManager,
  taskId: string,
  retentionDays: number,
): Promise<Session[]> {
  return sql<Session>(
    manager,
    `SELECT s.*, ${statusNow('s', '$2')} AS status FROM sessions s
      WHERE s.task_id = $1 AND s.attempt IS NOT NULL ORDER BY s.attempt`,
    [taskId, retentionDays],
  );
}
