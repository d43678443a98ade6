import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { countRanges, mergeRanges, type Ranges } from '../database/merged-ranges.js';
import { sql } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import type { TaskStatus } from '../lifecycle/task-status.js';
import { EACH_ASSIGNEE } from '../tasks/task-ranges.sql.js';
import type { DecisionCountsDto, HourDto, RoleQueueDto } from './dto/overview.dto.js';

/** The number up to which rows are counted. A statement reads no more entries of each range of an index. */
export const MOST_COUNTED = 10_000;

/** The most roles that are listed. */
const MAX_ROLES = 200;

/** The most decisions of which the median is computed: a limit of {@link mergeRanges}. */
const MAX_DECISIONS = 501;

/** The roles of a caller; undefined: a caller that may see everything. */
type Roles = readonly string[] | undefined;

/** Counts what a caller may see, from indexes only: by stored statuses, each number up to {@link MOST_COUNTED}. */
@Injectable()
export class OverviewRepository {
  countTasks(manager: EntityManager, roles: Roles, status: TaskStatus): Promise<number> {
    const where = new WhereClause();
    const of = (table: string, column: string): Ranges => ({
      each: eachOf(where, roles),
      select: `
        SELECT a.task_id AS id FROM ${table} a WHERE a.${column} = k.role AND a.task_status = '${status}'`,
    });
    const ranges = roles
      ? [of('sessions', 'role'), of('sessions', 'from_role'), of('task_approvers', 'role')]
      : [of('sessions', 'role')];
    return count(manager, where, ranges);
  }

  countPendingApprovals(manager: EntityManager, roles: Roles): Promise<number> {
    const where = new WhereClause();
    const ranges = roles
      ? {
          each: eachOf(where, roles),
          select: `SELECT a.approval_id AS id FROM approval_readers a WHERE a.role = k.role AND a.status = 'pending'`,
        }
      : { select: `SELECT a.id FROM approvals a WHERE a.status = 'pending'` };
    return count(manager, where, [ranges]);
  }

  /** Counts the attempts of the last 24 hours whose lease was lost. Reads no more failed attempts than it counts. */
  countLostLeases(manager: EntityManager, roles: Roles): Promise<number> {
    const where = new WhereClause();
    const of = (table: string, column: string, id: string, more = ''): Ranges => ({
      each: eachOf(where, roles),
      select: `
        SELECT a.${id} AS id FROM ${table} a
         WHERE a.${column} = k.role AND a.status = 'failed' AND a.created_at >= now() - interval '24 hours' ${more}`,
      check: `SELECT s.ended_reason = 'lease_lost' FROM sessions s WHERE s.id = r.id`,
    });
    const assigned = of('sessions', 'role', 'id', 'AND a.version > 0');
    const ranges = roles
      ? [assigned, of('sessions', 'from_role', 'id'), of('approver_sessions', 'role', 'session_id')]
      : [assigned];
    return count(manager, where, ranges);
  }

  /** Returns the open work of each role, most first. */
  listQueues(manager: EntityManager, roles: Roles): Promise<RoleQueueDto[]> {
    const where = new WhereClause();
    const each = roles ? eachOf(where, roles) : EACH_ROLE;
    const text = `
      SELECT q.* FROM (
        SELECT k.role,
               ${numberOf(`sessions a WHERE a.role = k.role AND a.task_status = 'pending'`)} AS pending,
               ${numberOf(`sessions a WHERE a.role = k.role AND a.task_status = 'active'`)} AS active,
               ${numberOf(`approvals a WHERE a.approver_role = k.role AND a.status = 'pending'`)} AS approvals,
               (SELECT a.task_created_at FROM sessions a WHERE a.role = k.role AND a.task_status = 'pending'
                 ORDER BY a.task_created_at LIMIT 1) AS oldest_pending_at
          FROM ${each}) q
       WHERE q.pending + q.active + q.approvals > 0
       ORDER BY q.pending + q.approvals DESC, q.role LIMIT ${MAX_ROLES}`;
    return sql(manager, text, where.parameters);
  }

  /** Counts the tasks that were routed in each of the last 24 hours. */
  listHours(manager: EntityManager, roles: Roles): Promise<HourDto[]> {
    const where = new WhereClause();
    const ranges = eventsOf(
      where,
      roles,
      'task_routed',
      (at) => `${at} >= h.start AND ${at} < h.start + interval '1 hour'`,
    );
    const text = `
      SELECT h.start, least(c.total, ${MOST_COUNTED}) AS routed
        FROM generate_series(${THIS_HOUR} - interval '23 hours', ${THIS_HOUR}, interval '1 hour') AS h(start)
       CROSS JOIN LATERAL (${countRanges(ranges, MOST_COUNTED)}) c
       ORDER BY h.start`;
    return sql(manager, text, where.parameters);
  }

  /** Counts the decisions of the last 24 hours, and returns the median time of the latest. */
  async summarizeDecisions(manager: EntityManager, roles: Roles): Promise<DecisionCountsDto> {
    const where = new WhereClause();
    const ranges = eventsOf(
      where,
      roles,
      'approval_decided',
      (at) => `${at} >= now() - interval '24 hours'`,
    );
    const text = `
      SELECT least(c.total, ${MOST_COUNTED}) AS count, d.median_seconds
        FROM (${countRanges(ranges, MOST_COUNTED)}) c CROSS JOIN (
          SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (e.metadata ->> 'pending_seconds')::float8) AS median_seconds
            FROM (${mergeRanges(ranges, 'DESC', MAX_DECISIONS)}) m JOIN audit_events e ON e.id = m.id) d`;
    const [row] = await sql<DecisionCountsDto>(manager, text, where.parameters);
    return row ?? { count: 0, median_seconds: null };
  }
}

async function count(
  manager: EntityManager,
  where: WhereClause,
  ranges: readonly Ranges[],
): Promise<number> {
  const text = `SELECT least(c.total, ${MOST_COUNTED}) AS total FROM (${countRanges(ranges, MOST_COUNTED)}) c`;
  const [row] = await sql<{ total: number }>(manager, text, where.parameters);
  return row?.total ?? 0;
}

/** SQL for the number of rows of a FROM item with its condition. */
function numberOf(rows: string): string {
  return `(SELECT count(*)::integer FROM (SELECT 1 FROM ${rows} LIMIT ${MOST_COUNTED}) n)`;
}

/** FROM item of the roles `k`: those of a caller, or all that tasks are assigned to. */
function eachOf(where: WhereClause, roles: Roles): string {
  return roles ? `unnest(${where.bind(roles)}::text[]) AS k(role)` : EACH_ASSIGNEE;
}

/**
 * Ranges of the events of a type that the roles can read.
 *
 * @param period returns the condition on the time of an event
 */
function eventsOf(
  where: WhereClause,
  roles: Roles,
  type: string,
  period: (at: string) => string,
): Ranges[] {
  const events = (condition: string): string => `
    SELECT e.timestamp AS at, e.id FROM audit_events e
     WHERE ${condition} e.event_type = '${type}' AND ${period('e.timestamp')}`;
  if (!roles) return [{ select: events('') }];
  const each = eachOf(where, roles);
  return [
    { each, select: events('e.from_role = k.role AND') },
    { each, select: events('e.to_role = k.role AND') },
    {
      each,
      select: `
        SELECT p.timestamp AS at, p.event_id AS id FROM audit_event_readers p
         WHERE p.role = k.role AND p.event_type = '${type}' AND ${period('p.timestamp')}`,
    },
  ];
}

const THIS_HOUR = `date_trunc('hour', now(), 'UTC')`;

/** FROM item of the approver roles of pending approvals. Reads one entry of the index for each of them. */
const EACH_APPROVER = `(
  WITH RECURSIVE each (role) AS (
    SELECT min(approver_role) FROM approvals WHERE status = 'pending'
    UNION ALL
    SELECT (SELECT min(a.approver_role) FROM approvals a WHERE a.approver_role > each.role AND a.status = 'pending')
      FROM each WHERE each.role IS NOT NULL
  )
  SELECT role FROM each WHERE role IS NOT NULL) AS k(role)`;

/** FROM item of all roles with tasks or pending approvals. */
const EACH_ROLE = `(
  SELECT k.role FROM ${EACH_ASSIGNEE} UNION SELECT k.role FROM ${EACH_APPROVER}) AS k(role)`;
