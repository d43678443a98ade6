import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Reference } from '../common/ids.js';
import { Environment } from '../config/environment.js';
import type { RowLoader } from '../database/row-loader.js';
import { queueSql, sql } from '../database/sql.js';
import { insertInto, type Placeholders, statement } from '../database/statement.js';
import { TransactionsService } from '../database/transactions.service.js';
import { type ClockChecks, clockChecks } from '../lifecycle/clock-checks.sql.js';
import { overdue, statusNow } from '../lifecycle/overdue.sql.js';
import type { PauseNotice } from '../roles/pause-notice.js';
import { pauseOf } from '../roles/role-pauses.sql.js';
import type { Session } from './session.entity.js';
import { takesPart } from './session-visibility.sql.js';

/** A session with the decisions of PostgreSQL's clock at the time of the read. */
export type ReadSession = Session & ClockChecks;

/** A session that was read by its id. */
export interface LoadedSession extends ReadSession {
  /** The pause of its role; null if there is none, and if the session is not a pending attempt. */
  role_pause: PauseNotice | null;
}

/** A session with the facts that the permission check needs. */
export interface VisibleSession extends Session {
  /** Whether the session is an attempt at a task of which a role of the caller is a participant. */
  takes_part: boolean;
  overdue: boolean;
}

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

/**
 * Runs the statements of the table `sessions`: inserts and lookups by id. Existing sessions are changed by
 * `LifecycleRepository` only.
 */
@Injectable()
export class SessionsRepository {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
  ) {}

  /** Inserts a session. Returns undefined if the id is already in use. */
  async insert(manager: EntityManager, session: NewSession): Promise<Session | undefined> {
    const [inserted] = await sql<Session>(manager, ...INSERT_NEXT(valuesOf(session)));
    return inserted;
  }

  /** Queues the INSERT of a session with a new id, without `place_of` and `parked_for`. */
  queueInsert(manager: EntityManager, session: NewSession): void {
    queueSql(manager, ...INSERT(valuesOf(session)));
  }

  /** Returns a lookup of a session by id. Its status is `expired` if it is overdue, even before a sweep has stored that. */
  loader(id: string): RowLoader<LoadedSession | undefined> {
    const days = this.environment.SESSION_RETENTION_DAYS;
    return async (query, { forUpdate }) => {
      const text = forUpdate ? `${SESSION} FOR UPDATE` : SESSION;
      const [session] = await query<LoadedSession>(text, [id, days]);
      return session;
    };
  }

  /**
   * Reads a session by its id, or the latest attempt of a task by the id of the task, in a batch with reads of other
   * requests.
   *
   * @param roles the roles of the caller
   */
  async find(
    { id, kind }: Reference,
    roles: readonly string[],
  ): Promise<VisibleSession | undefined> {
    const days = this.environment.SESSION_RETENTION_DAYS;
    const find = FIND({ id, kind, roles, days });
    const [session] = await this.transactions.readOne<VisibleSession>(...find);
    return session;
  }

  /** Reads the version of a session that {@link find} would return. */
  async findVersion({
    id,
    kind,
  }: Reference): Promise<Pick<VisibleSession, 'id' | 'version' | 'overdue'> | undefined> {
    const days = this.environment.SESSION_RETENTION_DAYS;
    const [session] = await this.transactions.readOne<VisibleSession>(
      ...VERSION({ id, kind, days }),
    );
    return session;
  }

  /** Whether a task with this id exists. A session with the same id would hide the task in `GET /sessions/{id}`. */
  async isTaskId(manager: EntityManager, id: string): Promise<boolean> {
    return (await sql(manager, `SELECT 1 FROM tasks WHERE id = $1`, [id])).length > 0;
  }
}

/** The due time as a time or as a number of seconds from now; null for at once. */
type Values = Omit<NewSession, 'due'> & { due_at: Date | null; due_seconds: number | null };

function valuesOf({ due, ...session }: NewSession): Values {
  return {
    ...session,
    due_at: due instanceof Date ? due : null,
    due_seconds: typeof due === 'number' ? due : null,
  };
}

const newColumns = (value: Placeholders<Values>): Record<keyof NewColumns, string> => ({
  id: value.id,
  role: value.role,
  task_id: value.task_id,
  status: `'pending'`,
  metadata: value.metadata,
  trace_id: value.trace_id,
  created_by: value.created_by,
  attempt: value.attempt,
  attempts_left: value.attempts_left,
  deadline_at: value.deadline_at,
  priority: value.priority,
  not_before: `coalesce(${value.due_at}, clock_timestamp() + make_interval(secs => ${value.due_seconds}))`,
});

type NewColumns = Omit<Values, 'due_at' | 'due_seconds' | 'place_of' | 'parked_for'> &
  Pick<Session, 'status' | 'not_before'>;

const INSERT = statement<Values>((value) => insertInto<NewColumns>('sessions', newColumns(value)));

const INSERT_NEXT = statement<Values>(
  (value) => `
  ${insertInto<NewColumns & Pick<Session, 'queued_at' | 'parked_for'>>('sessions', {
    ...newColumns(value),
    queued_at: `(SELECT coalesce(p.queued_at, p.created_at) FROM sessions p WHERE p.id = ${value.place_of})`,
    parked_for: value.parked_for,
  })}
  ON CONFLICT (id) DO NOTHING RETURNING *`,
);

/** The second column `status`, the status as of now, replaces the stored one in the result. */
const SESSION = `
  SELECT s.*, ${statusNow('s', '$2')} AS status, ${clockChecks('s')}, ${pauseOf('s')} AS role_pause
    FROM sessions s WHERE s.id = $1`;

/**
 * FROM clause that finds the session `s` of an id: a session, or the latest attempt of a task.
 *
 * @param kind placeholder of the kind of the id; its value is null if the id has no prefix
 */
const referenced = ({ id, kind }: Pick<Placeholders<Referenced>, 'id' | 'kind'>): string => `
    FROM (
      SELECT 1 AS precedence, own.* FROM sessions own
       WHERE own.id = ${id} AND coalesce(${kind}, 'session') = 'session'
      UNION ALL
      (SELECT 2, attempt.* FROM sessions attempt
        WHERE attempt.task_id = ${id} AND attempt.attempt IS NOT NULL AND coalesce(${kind}, 'task') = 'task'
        ORDER BY attempt.attempt DESC LIMIT 1)
    ) s
   ORDER BY s.precedence LIMIT 1`;

type Referenced = Reference & { days: number };

const FIND = statement<Referenced & { roles: readonly string[] }>(
  (value) => `
  SELECT s.*, ${takesPart(value.roles)} AS takes_part, ${overdue('s', value.days)} AS overdue
  ${referenced(value)}`,
);

const VERSION = statement<Referenced>(
  (value) => `SELECT s.id, s.version, ${overdue('s', value.days)} AS overdue ${referenced(value)}`,
);
