import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { type CursorRow, type Keyset, keysetAt } from '../database/keyset.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import { statusNow } from '../lifecycle/overdue.sql.js';
import type { SessionStatus } from '../lifecycle/session-status.js';
import type { Session } from './session.entity.js';
import { takesPart } from './session-visibility.sql.js';

/** Selects sessions of a list. A member that is undefined selects all. */
export interface SessionFilter {
  /** Sessions of these roles, and attempts at tasks in which one of them is a participant. */
  participants: readonly string[] | undefined;
  role: string | undefined;
  status: SessionStatus | undefined;
  task_id: string | undefined;
}

/** The place of a page in a list: after a row, or after a number of rows. */
export type PageStart = { after: Keyset } | { offset: number };

/** Reads lists of sessions. Their status is `expired` if they are overdue, even before a sweep has stored that. */
@Injectable()
export class SessionListsRepository {
  constructor(private readonly environment: Environment) {}

  /** Returns the first sessions of a page that the filter selects, newest first. */
  list(
    manager: EntityManager,
    filter: SessionFilter,
    start: PageStart,
    limit: number,
  ): Promise<RowPage<Session & CursorRow>> {
    const where = this.whereOf(filter);
    if ('after' in start) where.and(AFTER, start.after.at, start.after.id);
    const offset = 'offset' in start ? start.offset : 0;
    const status = statusNow('s', where.bind(this.environment.SESSION_RETENTION_DAYS));
    const text = `
      SELECT s.*, ${status} AS status, ${keysetAt('s.created_at')} AS keyset_at
        FROM sessions s ${where.toString()}
       ORDER BY s.created_at DESC, s.id DESC
       LIMIT ${where.bind(limit)} OFFSET ${where.bind(offset)}`;
    return sqlPage(manager, text, where.parameters);
  }

  /** Returns the number of sessions that the filter selects. */
  async count(manager: EntityManager, filter: SessionFilter): Promise<number> {
    const where = this.whereOf(filter);
    const text = `SELECT count(*)::integer AS total FROM sessions s ${where.toString()}`;
    const [count] = await sql<{ total: number }>(manager, text, where.parameters);
    return count?.total ?? 0;
  }

  /** Returns the attempts of a task, latest first. */
  listAttempts(manager: EntityManager, taskId: string): Promise<RowPage<Session>> {
    return sqlPage(manager, ATTEMPTS, [taskId, this.environment.SESSION_RETENTION_DAYS]);
  }

  private whereOf({ participants, role, status, task_id }: SessionFilter): WhereClause {
    return (
      new WhereClause()
        .and(`(s.role = ANY(?) OR ${takesPart('?')})`, participants, participants)
        .and('s.role = ?', role)
        .and('s.task_id = ?', task_id)
        .and(`${statusNow('s', '?')} = ?`, this.environment.SESSION_RETENTION_DAYS, status)
        // Repeats part of the status condition in a form that an index serves.
        .and('s.status = ?', status === 'expired' ? undefined : status)
    );
  }
}

const AFTER = '(s.created_at, s.id) < (?::timestamptz, ?::uuid)';

const ATTEMPTS = `
  SELECT s.*, ${statusNow('s', '$2')} AS status FROM sessions s
   WHERE s.task_id = $1 AND s.attempt IS NOT NULL ORDER BY s.attempt DESC`;
