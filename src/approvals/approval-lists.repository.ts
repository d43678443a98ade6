import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { type CursorRow, type Keyset, keysetAt } from '../database/keyset.js';
import { MERGED_COLUMNS, mergeRanges, type Ranges } from '../database/merged-ranges.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import { overdue } from '../lifecycle/overdue.sql.js';
import { boundedRoles } from '../observability/role-labels.sql.js';
import { excludedFrom } from './approval-exclusions.sql.js';
import { APPROVAL_ROW, type ApprovalRow } from './approval-rows.sql.js';
import { expiredCondition } from './approval-status.sql.js';
import type { ApprovalStatus } from './approval-status.js';
import { needsHuman } from './approver-kind.sql.js';
import { isCounted } from './counted-votes.sql.js';

/** Selects approvals of a list. A member that is undefined selects all. */
export interface ApprovalFilter {
  /** Approvals of tasks in which one of these roles is a participant. */
  participants: readonly string[] | undefined;
  status: ApprovalStatus | undefined;
  /** Approvals that the agent can decide now. */
  decidableBy: Agent | undefined;
  /** Approvals that this subject requested. */
  requested_by: string | undefined;
  approver_role: string | undefined;
  task_id: string | undefined;
  after: Keyset | undefined;
}

/** An approval in a list. */
export type ListedApproval = ApprovalRow &
  CursorRow & {
    /** Whether its task is overdue, before the sweep stores that. */
    task_overdue: boolean;
  };

/** The pending approvals of an approver role. */
export interface PendingApprovals {
  role: string;
  count: number;
  /** Age of the oldest in seconds. */
  age_seconds: number;
}

/** Reads lists of approvals. */
@Injectable()
export class ApprovalListsRepository {
  constructor(private readonly environment: Environment) {}

  /** Returns the first approvals that the filter selects, newest first. */
  list(
    manager: EntityManager,
    filter: ApprovalFilter,
    limit: number,
  ): Promise<RowPage<ListedApproval>> {
    const where = new WhereClause();
    const ranges = filter.decidableBy
      ? [this.decidable(where, filter, filter.decidableBy)]
      : readable(where, filter);
    const days = where.bind(this.environment.SESSION_RETENTION_DAYS);
    const text = `
      SELECT ${APPROVAL_ROW}, ${keysetAt('m.at')} AS keyset_at, ${isTaskOverdue(days)} AS task_overdue,
             ${MERGED_COLUMNS}
        FROM (${mergeRanges(ranges, 'DESC', limit)}) m JOIN approvals a ON a.id = m.id
       ORDER BY m.at DESC, m.id DESC LIMIT ${where.bind(limit)}`;
    return sqlPage(manager, text, where.parameters);
  }

  /** Returns the approvals of a task, newest first. */
  listOfTask(manager: EntityManager, taskId: string): Promise<RowPage<ApprovalRow>> {
    return sqlPage(
      manager,
      `SELECT ${APPROVAL_ROW} FROM approvals a WHERE a.task_id = $1 ORDER BY a.created_at DESC, a.id DESC`,
      [taskId],
    );
  }

  /** Counts the pending approvals of each approver role; of the least used roles together, if there are many. */
  countPendingByRole(manager: EntityManager): Promise<PendingApprovals[]> {
    return sql(manager, PENDING_BY_ROLE);
  }

  /** Counts the approvals that an agent can decide now, up to {@link MOST_WAITING}. */
  async countDecidable(manager: EntityManager, agent: Agent): Promise<number> {
    const where = new WhereClause();
    const ranges = [this.decidable(where, EVERY_APPROVAL, agent)];
    const text = `
      SELECT count(*) FILTER (WHERE m.is_match)::integer AS total
        FROM (${mergeRanges(ranges, 'DESC', MOST_WAITING)}) m`;
    const [row] = await sql<{ total: number }>(manager, text, where.parameters);
    return Math.min(row?.total ?? 0, MOST_WAITING);
  }

  /** Pending approvals of the roles of an agent that it can decide. */
  private decidable(where: WhereClause, filter: ApprovalFilter, agent: Agent): Ranges {
    const { APPROVALS_FOUR_EYES, HUMAN_APPROVER_ROLES } = this.environment;
    const { roles, subject, kind } = agent;
    const terms = new WhereClause(where)
      .and('a.id = r.id')
      .and(`NOT ${expiredCondition('a')}`)
      .and(NOT_VOTED, subject);
    if (APPROVALS_FOUR_EYES) terms.and(NOT_EXCLUDED, subject);
    if (kind !== 'human') terms.and(`NOT ${needsHuman('?')}`, HUMAN_APPROVER_ROLES);
    return {
      each: `unnest(${where.bind(roles)}::text[]) AS k(role)`,
      select: `${POSITION} WHERE a.status = 'pending' AND a.approver_role = k.role ${bounds(where, filter)}`,
      check: existsApproval(andRest(terms, filter)),
    };
  }
}

/** The number up to which the approvals that an agent can decide are counted. */
const MOST_WAITING = 100;

const EVERY_APPROVAL: ApprovalFilter = {
  participants: undefined,
  status: undefined,
  decidableBy: undefined,
  requested_by: undefined,
  approver_role: undefined,
  task_id: undefined,
  after: undefined,
};

/** SELECT of the position of an approval. */
const POSITION = 'SELECT a.created_at AS at, a.id FROM approvals a';

/** Ranges of the indexes that contain the approvals of a filter. */
function readable(where: WhereClause, filter: ApprovalFilter): Ranges[] {
  const { participants, status, requested_by, approver_role, task_id } = filter;
  const after = (): string => bounds(where, filter);
  const check = (): string =>
    existsApproval(
      andRest(new WhereClause(where).and('a.id = r.id').and(IS_PARTICIPANT, participants), filter),
    );
  if (task_id !== undefined) {
    return [
      { select: `${POSITION} WHERE a.task_id = ${where.bind(task_id)} ${after()}`, check: check() },
    ];
  }
  if (requested_by !== undefined) {
    const select = `${POSITION} WHERE a.requested_by = ${where.bind(requested_by)} ${after()}`;
    return [{ select, check: check() }];
  }
  const table = participants ? READERS : APPROVALS;
  const each = participants && `unnest(${where.bind(participants)}::text[]) AS k(role)`;
  const range = (condition: string, isChecked: boolean): Ranges => ({
    each,
    select: `${table.select} ${condition} ${bounds(where, filter, table.id)}`,
    check: isChecked ? check() : undefined,
  });
  if (approver_role !== undefined) {
    return [range(`AND a.approver_role = ${where.bind(approver_role)}`, status !== undefined)];
  }
  if (status === undefined) return [range('', false)];
  const stored = range(`AND a.status = ${where.bind(status)}`, status === 'pending');
  if (status !== 'expired') return [stored];
  return [stored, { select: `${UNSTORED} WHERE true ${after()}`, check: check() }];
}

const READERS = {
  id: 'a.approval_id',
  select:
    'SELECT a.created_at AS at, a.approval_id AS id FROM approval_readers a WHERE a.role = k.role',
};
const APPROVALS = { id: 'a.id', select: `${POSITION} WHERE true` };

/**
 * Pending approvals that have expired and that the sweep has not stored yet: few. OFFSET 0 keeps PostgreSQL from a search
 * in the order of the list, through all pending approvals.
 */
const UNSTORED = `
  SELECT a.created_at AS at, a.id
    FROM (SELECT * FROM approvals WHERE status = 'pending' AND expires_at <= now() OFFSET 0) a`;

function bounds(where: WhereClause, { after }: ApprovalFilter, id = 'a.id'): string {
  if (!after) return '';
  return `AND (a.created_at, ${id}) < (${where.bind(after.at)}::timestamptz, ${where.bind(after.id)}::uuid)`;
}

/** Adds the conditions of the filter that are columns of the approval. */
function andRest(where: WhereClause, filter: ApprovalFilter): WhereClause {
  const { status, requested_by, approver_role, task_id } = filter;
  if (status !== undefined) where.and(hasStatus(status), status);
  return where
    .and('a.requested_by = ?', requested_by)
    .and('a.approver_role = ?', approver_role)
    .and('a.task_id = ?', task_id);
}

function existsApproval(where: WhereClause): string {
  return `SELECT true FROM approvals a ${where.toString()}`;
}

/** Returns the SQL condition that an approval currently has a status. */
function hasStatus(status: ApprovalStatus): string {
  if (status === 'pending') return `a.status = ? AND NOT ${expiredCondition('a')}`;
  if (status === 'expired') return `(a.status = ? OR ${expiredCondition('a')})`;
  return 'a.status = ?';
}

const isTaskOverdue = (days: string): string => `
  EXISTS (SELECT 1 FROM sessions s WHERE s.task_id = a.task_id AND s.attempt IS NOT NULL AND ${overdue('s', days)})`;

const IS_PARTICIPANT = `(
  SELECT true FROM task_participants p WHERE p.task_id = a.task_id AND p.role = ANY(?) LIMIT 1)`;

const NOT_VOTED = `NOT EXISTS (
  SELECT 1 FROM approval_votes v
   WHERE v.chain_id = a.chain_id AND v.subject = ? AND (v.approval_id <> a.id OR ${isCounted('a')}))`;

const NOT_EXCLUDED = `NOT EXISTS (
  SELECT 1 FROM (${excludedFrom('a')}) e WHERE e.subject = ?)`;

const PENDING_BY_ROLE = boundedRoles(`
  SELECT approver_role AS role, count(*) AS count, min(created_at) AS oldest, max(created_at) AS latest
    FROM approvals
   WHERE status = 'pending' AND expires_at > now() GROUP BY approver_role`);
