import type { Ranges } from '../database/merged-ranges.js';
import type { WhereClause } from '../database/where-clause.js';
import { TASK_STATUSES, type TaskStatus } from '../lifecycle/task-status.js';
import type { TaskFilter } from './task-lists.repository.js';
import { currentStatus, LATEST_ATTEMPT, TAKES_PART } from './task-view.sql.js';

/** A filter whose tasks are found through the roles that they name. */
export type RoleFilter = Omit<TaskFilter, 'trace_id'>;

/** The statuses that most tasks end with. Other statuses are rarer than a task type. */
const COMMON: readonly TaskStatus[] = ['completed'];

/** FROM item of all roles that a task is assigned to. Reads one row of the index for each of them. */
export const EACH_ASSIGNEE = `(
  WITH RECURSIVE each (role) AS (
    SELECT min(role) FROM sessions WHERE task_status IS NOT NULL
    UNION ALL
    SELECT (SELECT min(s.role) FROM sessions s WHERE s.role > each.role AND s.task_status IS NOT NULL)
      FROM each WHERE each.role IS NOT NULL
  )
  SELECT role FROM each WHERE role IS NOT NULL) AS k(role)`;

/** Ranges of the indexes that contain the tasks of a filter, newest first. */
export class TaskRanges {
  /**
   * @param where binds the values of the filter
   * @param days placeholder of the retention in days
   */
  constructor(
    private readonly filter: RoleFilter,
    private readonly where: WhereClause,
    private readonly days: string,
  ) {}

  all(): Ranges[] {
    const { participants, claimed_by } = this.filter;
    if (claimed_by !== undefined)
      return this.ofStatuses('sessions', 'claimed_by', this.each([claimed_by]));
    if (!participants) return this.ofEveryone();
    return [...this.naming(participants), ...this.approvedBy(participants)];
  }

  /** Tasks that one of the roles requested or is assigned to. */
  private naming(roles: readonly string[]): Ranges[] {
    const { from_role: from, to_role: to } = this.filter;
    if (from !== undefined && to !== undefined) {
      return roles.includes(from) || roles.includes(to) ? this.between([from], [to]) : [];
    }
    if (from !== undefined) {
      return roles.includes(from) ? this.of('from_role', [from]) : this.between([from], roles);
    }
    if (to !== undefined) {
      return roles.includes(to) ? this.of('to_role', [to]) : this.between(roles, [to]);
    }
    return [...this.of('to_role', roles), ...this.of('from_role', roles)];
  }

  private ofEveryone(): Ranges[] {
    const { from_role, to_role, task_type, status } = this.filter;
    if (from_role !== undefined && to_role !== undefined)
      return this.between([from_role], [to_role]);
    if (from_role !== undefined) return this.of('from_role', [from_role]);
    if (to_role !== undefined) return this.of('to_role', [to_role]);
    if (task_type === undefined && status === undefined) return [this.everything()];
    return this.of('to_role', undefined);
  }

  /** Tasks that name one of the roles. Undefined: every role. */
  private of(column: 'from_role' | 'to_role', roles: readonly string[] | undefined): Ranges[] {
    const { task_type, status } = this.filter;
    const each = roles ? this.each(roles) : EACH_ASSIGNEE;
    return isRarer(task_type, status)
      ? [this.ofType(column, each, task_type)]
      : this.ofStatuses('sessions', column === 'to_role' ? 'role' : 'from_role', each);
  }

  private ofType(column: string, each: string, type: string): Ranges {
    const select = `
      SELECT t.created_at AS at, t.id FROM tasks t
       WHERE t.${column} = k.role AND t.task_type = ${this.where.bind(type)} ${this.bounds('t.created_at', 't.id')}`;
    return { each, select, check: this.statusCheck() };
  }

  /** One range for each stored status that a task with the status can have. */
  private ofStatuses(table: string, column: string, each: string): Ranges[] {
    const { status, task_type, claimed_by } = this.filter;
    const select = (stored: readonly TaskStatus[], more = ''): Pick<Ranges, 'each' | 'select'> => ({
      each: `${each} CROSS JOIN unnest(ARRAY[${quoted(stored)}]) AS s(status)`,
      select: `
      SELECT a.task_created_at AS at, a.task_id AS id FROM ${table} a
       WHERE a.${column} = k.role AND a.task_status = s.status ${more} ${this.bounds('a.task_created_at', 'a.task_id')}`,
    });
    const ofType = (): string | undefined =>
      task_type === undefined && claimed_by === undefined ? undefined : this.taskCheck();
    if (status === undefined) return [{ ...select(TASK_STATUSES), check: ofType() }];
    const isOpen = status === 'pending' || status === 'active';
    if (!isOpen && status !== 'expired') return [{ ...select([status]), check: ofType() }];
    // Only tasks that were routed before this time can be overdue.
    const before = `now() - make_interval(days => ${this.days}::integer)`;
    const isRecent = isOpen ? `AND a.task_created_at >= ${before}` : '';
    const stored = isOpen ? [status] : (['pending', 'active'] as const);
    return [
      { ...select([status], isRecent), check: ofType() },
      { ...select(stored, `AND a.task_created_at < ${before}`), check: this.taskCheck(true) },
    ];
  }

  private between(from: readonly string[], to: readonly string[]): Ranges[] {
    const each = `unnest(${this.where.bind(from)}::text[]) AS f(role)
      CROSS JOIN unnest(${this.where.bind(to)}::text[]) AS k(role)`;
    const select = `
      SELECT t.created_at AS at, t.id FROM tasks t
       WHERE t.from_role = f.role AND t.to_role = k.role ${this.bounds('t.created_at', 't.id')}`;
    return [{ each, select, check: this.taskCheck() }];
  }

  /** Tasks that one of the roles approves. */
  private approvedBy(roles: readonly string[]): Ranges[] {
    const { from_role, to_role, task_type, status } = this.filter;
    const each = this.each(roles);
    const properties = Object.entries({
      from_role,
      to_role,
      ...(isRarer(task_type, status) && { task_type }),
    });
    const [first] = properties.filter(([, value]) => value !== undefined);
    if (!first) return this.ofStatuses('task_approvers', 'role', each);
    const [column, value] = first;
    const select = `
      SELECT a.task_created_at AS at, a.task_id AS id FROM task_approvers a
       WHERE a.role = k.role AND a.${column} = ${this.where.bind(value)}
             ${this.bounds('a.task_created_at', 'a.task_id')}`;
    const given = [from_role, to_role, task_type, status].filter((each) => each !== undefined);
    return [{ each, select, check: given.length > 1 ? this.taskCheck() : undefined }];
  }

  private takesPart(roles: readonly string[]): string {
    return TAKES_PART.replace(/\?/g, () => `${this.where.bind(roles)}::text[]`);
  }

  private each(roles: readonly string[]): string {
    return `unnest(${this.where.bind(roles)}::text[]) AS k(role)`;
  }

  private everything(): Ranges {
    return {
      select: `SELECT t.created_at AS at, t.id FROM tasks t WHERE true ${this.bounds('t.created_at', 't.id')}`,
    };
  }

  private bounds(at: string, id: string): string {
    const { created_since, after } = this.filter;
    const since =
      created_since === undefined ? '' : `AND ${at} >= ${this.where.bind(created_since)}`;
    if (!after) return since;
    const position = `${this.where.bind(after.at)}::timestamptz, ${this.where.bind(after.id)}::uuid`;
    return `${since} AND (${at}, ${id}) < (${position})`;
  }

  private statusCheck(): string | undefined {
    return this.filter.status === undefined ? undefined : this.taskCheck();
  }

  /** Condition that the task of a row has all properties of the filter. */
  private taskCheck(alsoStatus = true): string | undefined {
    const { from_role, to_role, task_type, status, claimed_by, participants } = this.filter;
    const terms = [
      ...(from_role === undefined ? [] : [`t.from_role = ${this.where.bind(from_role)}`]),
      ...(to_role === undefined ? [] : [`t.to_role = ${this.where.bind(to_role)}`]),
      ...(task_type === undefined ? [] : [`t.task_type = ${this.where.bind(task_type)}`]),
      // Other ranges contain only tasks of the participants.
      ...(claimed_by === undefined || !participants ? [] : [this.takesPart(participants)]),
    ];
    if (alsoStatus && status !== undefined) {
      terms.push(`${currentStatus(this.days)} = ${this.where.bind(status)}`);
      return `SELECT ${terms.join(' AND ')} FROM tasks t JOIN ${LATEST_ATTEMPT} WHERE t.id = r.id`;
    }
    return terms.length === 0
      ? undefined
      : `SELECT ${terms.join(' AND ')} FROM tasks t WHERE t.id = r.id`;
  }
}

/** Whether tasks of the type are rarer than those with the status. */
function isRarer(
  task_type: string | undefined,
  status: TaskStatus | undefined,
): task_type is string {
  return task_type !== undefined && (status === undefined || COMMON.includes(status));
}

function quoted(statuses: readonly TaskStatus[]): string {
  return statuses.map((status) => `'${status}'`).join(', ');
}
