import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { type CursorRow, type Keyset, keysetAt } from '../database/keyset.js';
import {
  countRanges,
  MERGED_COLUMNS,
  mergeRanges,
  type Ranges,
} from '../database/merged-ranges.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import { statusNow } from '../lifecycle/overdue.sql.js';
import type { SessionStatus } from '../lifecycle/session-status.js';
import type { Session } from './session.entity.js';
import { SessionRanges } from './session-ranges.sql.js';
import { takesPart } from './session-visibility.sql.js';

/** Selects sessions of a list. A member that is undefined selects all. */
export interface SessionFilter {
  /** Sessions of these roles, and attempts at tasks in which one of them is a participant. */
  participants: readonly string[] | undefined;
  role: string | undefined;
  status: SessionStatus | undefined;
  task_id: string | undefined;
  /** Sessions that this subject claimed. */
  claimed_by: string | undefined;
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
    const where = new WhereClause();
    const days = where.bind(this.environment.SESSION_RETENTION_DAYS);
    const offset = 'offset' in start ? start.offset : 0;
    const ranges = this.ranges(where, filter, 'after' in start ? start.after : undefined);
    const most = offset + limit;
    const positions = mergeRanges(ranges, 'DESC', offset === 0 ? most : where.bind(most));
    const text = `
      SELECT s.*, ${statusNow('s', days)} AS status, ${keysetAt('m.at')} AS keyset_at, ${MERGED_COLUMNS}
        FROM (SELECT at, id, is_match, bool_or(is_last_read) OVER (ORDER BY at DESC, id DESC) AS is_last_read
                FROM (${positions}) p
               ORDER BY at DESC, id DESC LIMIT ${where.bind(limit)} OFFSET ${where.bind(offset)}) m
        JOIN sessions s ON s.id = m.id
       ORDER BY m.at DESC, m.id DESC`;
    return sqlPage(manager, text, where.parameters);
  }

  /** Returns the number of sessions that the filter selects, at most `most`, and whether it is exact. */
  async count(
    manager: EntityManager,
    filter: SessionFilter,
    most: number,
  ): Promise<{ total: number; isExact: boolean }> {
    const where = new WhereClause();
    const text = countRanges(this.ranges(where, filter, undefined), most);
    const [count] = await sql<{ total: number; is_cut: boolean }>(manager, text, where.parameters);
    const { total = 0, is_cut = false } = count ?? {};
    return { total: Math.min(total, most), isExact: !is_cut && total <= most };
  }

  private ranges(
    where: WhereClause,
    { task_id, ...filter }: SessionFilter,
    after: Keyset | undefined,
  ): Ranges[] {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    return task_id === undefined
      ? new SessionRanges(filter, where, days, after).all()
      : [ofTask(where, days, { ...filter, task_id }, after)];
  }

  /** Returns the attempts of a task, latest first. */
  listAttempts(manager: EntityManager, taskId: string): Promise<RowPage<Session>> {
    return sqlPage(manager, ATTEMPTS, [taskId, this.environment.SESSION_RETENTION_DAYS]);
  }
}

/** The sessions of one task: few, so they are read whole. */
function ofTask(
  where: WhereClause,
  days: number,
  { participants, role, status, task_id, claimed_by }: SessionFilter,
  after: Keyset | undefined,
): Ranges {
  const terms = new WhereClause(where)
    .and('s.task_id = ?', task_id)
    .and(`(s.role = ANY(?) OR ${takesPart('?')})`, participants, participants)
    .and('s.role = ?', role)
    .and('s.claimed_by = ?', claimed_by)
    .and(`${statusNow('s', '?')} = ?`, days, status)
    .and('(s.created_at, s.id) < (?::timestamptz, ?::uuid)', after?.at, after?.id);
  return { select: `SELECT s.created_at AS at, s.id FROM sessions s ${terms.toString()}` };
}

const ATTEMPTS = `
  SELECT s.*, ${statusNow('s', '$2')} AS status FROM sessions s
   WHERE s.task_id = $1 AND s.attempt IS NOT NULL ORDER BY s.attempt DESC`;
