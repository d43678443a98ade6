import type { Keyset } from '../database/keyset.js';
import type { Ranges } from '../database/merged-ranges.js';
import type { WhereClause } from '../database/where-clause.js';
import { statusNow } from '../lifecycle/overdue.sql.js';
import { SESSION_STATUSES, type SessionStatus } from '../lifecycle/session-status.js';
import type { SessionFilter } from './session-lists.repository.js';
import { takesPart } from './session-visibility.sql.js';

/** FROM item of all roles of sessions. Reads one row of the index for each of them. */
const EACH_ROLE = `(
  WITH RECURSIVE each (role) AS (
    SELECT min(role) FROM sessions WHERE version > 0
    UNION ALL
    SELECT (SELECT min(s.role) FROM sessions s WHERE s.role > each.role AND s.version > 0) FROM each WHERE each.role IS NOT NULL
  )
  SELECT role FROM each WHERE role IS NOT NULL) AS k(role)`;

/** Ranges of the indexes that contain the sessions of a filter, newest first. */
export class SessionRanges {
  /**
   * @param where binds the values of the filter
   * @param retentionDays the retention in days
   * @param after the position before the ranges
   */
  constructor(
    private readonly filter: Omit<SessionFilter, 'task_id'>,
    private readonly where: WhereClause,
    private readonly retentionDays: number,
    private readonly after: Keyset | undefined,
  ) {}

  all(): Ranges[] {
    const { participants: roles, role, status, claimed_by } = this.filter;
    if (claimed_by !== undefined) return this.claimedBy(claimed_by);
    if (!roles && role === undefined && status === undefined) return [this.everything()];
    if (!roles) return this.of('role', role === undefined ? undefined : [role]);
    if (role === undefined) {
      return [...this.of('role', roles), ...this.of('from_role', roles), ...this.approvedBy(roles)];
    }
    return roles.includes(role) ? this.of('role', [role]) : this.ofRole(roles, role);
  }

  /** One range for each stored status that a session with the status can have. */
  private of(column: 'role' | 'from_role', roles: readonly string[] | undefined): Ranges[] {
    const each = roles ? this.each(roles) : EACH_ROLE;
    // The condition of idx_sessions_role. For another index it would require a read of each row.
    const more = column === 'role' ? 'AND s.version > 0' : '';
    return this.ofStatuses(
      each,
      `SELECT s.created_at AS at, s.id FROM sessions s WHERE s.${column} = k.role ${more}`,
      SESSION,
    );
  }

  private approvedBy(roles: readonly string[]): Ranges[] {
    return this.ofStatuses(this.each(roles), `${APPROVED} WHERE s.role = k.role`, ATTEMPT);
  }

  /** Sessions that a subject has claimed. The subject can have lost their roles since. */
  private claimedBy(subject: string): Ranges[] {
    return this.ofStatuses(
      `unnest(ARRAY[${this.where.bind(subject)}]) AS k(subject)`,
      'SELECT s.created_at AS at, s.id FROM sessions s WHERE s.claimed_by = k.subject',
      SESSION,
    );
  }

  private ofStatuses(each: string, select: string, columns: Position): Ranges[] {
    const { status } = this.filter;
    const ranges = (
      stored: readonly SessionStatus[],
      mayBeOverdue: boolean,
      more = '',
    ): Ranges => ({
      each: `${each} CROSS JOIN unnest(ARRAY[${quoted(stored)}]) AS v(status)`,
      select: `${select} AND s.status = v.status ${more} ${this.bounds(columns)}`,
      check: this.check(mayBeOverdue),
    });
    if (status === undefined) return [ranges(SESSION_STATUSES, false)];
    const isOpen = status === 'pending' || status === 'active';
    if (!isOpen && status !== 'expired') return [ranges([status], false)];
    // Only sessions that were created before this time can be overdue.
    const days = this.where.bind(this.retentionDays);
    const before = `now() - make_interval(days => ${days}::integer)`;
    const old = ranges(
      isOpen ? [status] : ['pending', 'active'],
      true,
      `AND s.created_at < ${before}`,
    );
    return [ranges([status], false, isOpen ? `AND s.created_at >= ${before}` : ''), old];
  }

  /** Attempts of a role at tasks that one of the other roles requested or approves. */
  private ofRole(roles: readonly string[], role: string): Ranges[] {
    const check = this.check(true);
    const each = this.each(roles);
    const bound = this.where.bind(role);
    return [
      {
        each,
        select: `SELECT s.created_at AS at, s.id FROM sessions s
                  WHERE s.from_role = k.role AND s.role = ${bound} ${this.bounds(SESSION)}`,
        check,
      },
      {
        each,
        select: `${APPROVED} WHERE s.role = k.role AND s.session_role = ${bound} ${this.bounds(ATTEMPT)}`,
        check,
      },
    ];
  }

  private everything(): Ranges {
    const select = `SELECT s.created_at AS at, s.id FROM sessions s WHERE true ${this.bounds(SESSION)}`;
    return { select };
  }

  private each(roles: readonly string[]): string {
    return `unnest(${this.where.bind(roles)}::text[]) AS k(role)`;
  }

  private bounds({ at, id }: Position): string {
    if (!this.after) return '';
    return `AND (${at}, ${id}) < (${this.where.bind(this.after.at)}::timestamptz, ${this.where.bind(this.after.id)}::uuid)`;
  }

  /**
   * Condition that the session of a row has the properties of the filter that its index does not contain; undefined if
   * there are none.
   *
   * @param withStatus whether the stored status can differ from the present one
   */
  private check(withStatus: boolean): string | undefined {
    const { status, claimed_by } = this.filter;
    const terms = claimed_by === undefined ? [] : this.claimedTerms();
    if (withStatus && status !== undefined) {
      const now = statusNow('s', this.where.bind(this.retentionDays));
      terms.push(`${now} = ${this.where.bind(status)}`);
    }
    return terms.length === 0
      ? undefined
      : `SELECT ${terms.join(' AND ')} FROM sessions s WHERE s.id = r.id`;
  }

  private claimedTerms(): string[] {
    const { participants, role } = this.filter;
    const roles = participants && `${this.where.bind(participants)}::text[]`;
    return [
      ...(role === undefined ? [] : [`s.role = ${this.where.bind(role)}`]),
      ...(roles === undefined ? [] : [`(s.role = ANY(${roles}) OR ${takesPart(roles)})`]),
    ];
  }
}

/** Columns of the position of a row. */
interface Position {
  readonly at: string;
  readonly id: string;
}

const SESSION: Position = { at: 's.created_at', id: 's.id' };
const ATTEMPT: Position = { at: 's.created_at', id: 's.session_id' };
const APPROVED = 'SELECT s.created_at AS at, s.session_id AS id FROM approver_sessions s';

function quoted(statuses: readonly SessionStatus[]): string {
  return statuses.map((status) => `'${status}'`).join(', ');
}
