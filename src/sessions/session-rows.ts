import type { EntityManager } from 'typeorm';
import { loadForUpdate, type RowLoader } from '../database/row-loader.js';
import { type RowPage, sql, queueSql, sqlPage } from '../database/sql.js';
import { type ClockChecks, clockChecks } from '../lifecycle/clock-checks.js';
import { statusNow } from '../lifecycle/overdue.js';
import type { Session } from './session.entity.js';

/** A session with the decisions of PostgreSQL's clock at the time of the read. */
export type ReadSession = Session & ClockChecks;

/** Values of a new session. It is inserted as pending, at version 1. */
export type NewSession = Pick<
  Session,
  | 'id'
  | 'role'
  | 'task_id'
  | 'metadata'
  | 'trace_id'
  | 'created_by'
  | 'attempt'
  | 'attempts_left'
  | 'deadline_at'
  | 'priority'
> & {
  /** When the attempt becomes due: a time, a number of seconds from now, or null for at once. */
  due: number | Date | null;
  /** Id of the attempt whose place in the inbox the new one keeps. Without it, the place depends on its creation time. */
  place_of?: string | null;
  /** Id of the approval for which the attempt is parked. */
  parked_for?: string | null;
};

/** Whether a task with this id exists. A session with the same id would hide the task in `GET /sessions/{id}`. */
export async function isTaskId(manager: EntityManager, id: string): Promise<boolean> {
  return (await sql(manager, `SELECT 1 FROM tasks WHERE id = $1`, [id])).length > 0;
}

/** Inserts a session. Returns undefined if the id is already in use. */
export async function insertSession(
  manager: EntityManager,
  session: NewSession,
): Promise<Session | undefined> {
  const [inserted] = await sql<Session>(manager, INSERT_NEXT, [
    ...valuesOf(session),
    session.place_of ?? null,
    session.parked_for ?? null,
  ]);
  return inserted;
}

/** Queues the INSERT of a session with a new id. It is sent in one batch with the next statement. */
export function queueInsertSession(manager: EntityManager, session: NewSession): void {
  queueSql(manager, INSERT, valuesOf(session));
}

const insert = (columns = '', values = ''): string => `
  INSERT INTO sessions
    (id, role, task_id, status, metadata, trace_id, created_by, attempt, attempts_left, deadline_at,
     priority, not_before${columns})
  VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10,
          coalesce($11, clock_timestamp() + make_interval(secs => $12))${values})`;

const INSERT = insert();

const PLACE_OF = `(SELECT coalesce(p.queued_at, p.created_at) FROM sessions p WHERE p.id = $13)`;
const INSERT_NEXT = `${insert(', queued_at, parked_for', `, ${PLACE_OF}, $14`)}
  ON CONFLICT (id) DO NOTHING RETURNING *`;

function valuesOf(session: NewSession): unknown[] {
  const { id, role, task_id, metadata, trace_id, created_by, due } = session;
  const { attempt, attempts_left, deadline_at, priority } = session;
  const dueAt = due instanceof Date ? due : null;
  const dueIn = typeof due === 'number' ? due : null;
  return [
    ...[id, role, task_id, metadata, trace_id, created_by],
    ...[attempt, attempts_left, deadline_at, priority, dueAt, dueIn],
  ];
}

/** Returns a lookup of a session by id. Its status is `expired` if it is overdue, even before a sweep has stored that. */
export function sessionLoader(
  id: string,
  retentionDays: number,
): RowLoader<ReadSession | undefined> {
  return async (query, { forUpdate }) => {
    const text = forUpdate ? `${SESSION} FOR UPDATE` : SESSION;
    const [session] = await query<ReadSession>(text, [id, retentionDays]);
    return session;
  };
}

/** The second column `status`, the status as of now, replaces the stored one in the result. */
const SESSION = `
  SELECT s.*, ${statusNow('s', '$2')} AS status, ${clockChecks('s')}
    FROM sessions s WHERE s.id = $1`;

/** Returns the attempts of a task, latest first. */
export async function selectAttempts(
  manager: EntityManager,
  taskId: string,
  retentionDays: number,
): Promise<RowPage<Session>> {
  return sqlPage<Session>(
    manager,
    `SELECT s.*, ${statusNow('s', '$2')} AS status FROM sessions s
      WHERE s.task_id = $1 AND s.attempt IS NOT NULL ORDER BY s.attempt DESC`,
    [taskId, retentionDays],
  );
}

/**
 * Locks and returns the latest attempt of a task. A transaction with this lock can open the next attempt. If another
 * transaction opened one while this one waited for the lock, the newer attempt is locked instead.
 */
export async function lockLatestAttempt(
  manager: EntityManager,
  taskId: string,
  retentionDays: number,
): Promise<ReadSession> {
  for (;;) {
    const [latest] = await sql<{ id: string }>(manager, LATEST_ID, [taskId]);
    if (!latest) throw new Error('a task has at least one attempt');
    const locked = await loadForUpdate(manager, sessionLoader(latest.id, retentionDays));
    const [still] = await sql<{ id: string }>(manager, LATEST_ID, [taskId]);
    if (locked && still?.id === locked.id) return locked;
  }
}

const LATEST_ID = `
  SELECT id FROM sessions WHERE task_id = $1 AND attempt IS NOT NULL ORDER BY attempt DESC LIMIT 1`;
