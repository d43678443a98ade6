import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { type CursorRow, type Keyset, keysetAt } from '../database/keyset.js';
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
    const where = this.whereOf(filter);
    const days = where.bind(this.environment.SESSION_RETENTION_DAYS);
    const text = `
      SELECT ${APPROVAL_ROW}, ${keysetAt('a.created_at')} AS keyset_at, ${isTaskOverdue(days)} AS task_overdue
        FROM approvals a ${where.toString()}
       ORDER BY a.created_at DESC, a.id DESC LIMIT ${where.bind(limit)}`;
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
  countPendingByRole(manager: EntityManager): Promise<{ role: string; count: number }[]> {
    return sql(manager, PENDING_BY_ROLE);
  }

  private whereOf({ decidableBy, after, ...filter }: ApprovalFilter): WhereClause {
    const where = new WhereClause().and(IS_PARTICIPANT, filter.participants);
    if (filter.status !== undefined) where.and(hasStatus(filter.status), filter.status);
    if (decidableBy) this.andDecidable(where, decidableBy);
    return where
      .and('a.requested_by = ?', filter.requested_by)
      .and('a.approver_role = ?', filter.approver_role)
      .and('a.task_id = ?', filter.task_id)
      .and('(a.created_at, a.id) < (?::timestamptz, ?::uuid)', after?.at, after?.id);
  }

  private andDecidable(where: WhereClause, { roles, subject, kind }: Agent): void {
    const { APPROVALS_FOUR_EYES, HUMAN_APPROVER_ROLES } = this.environment;
    where.and(hasStatus('pending'), 'pending').and('a.approver_role = ANY(?)', roles);
    where.and(NOT_VOTED, subject);
    if (APPROVALS_FOUR_EYES) where.and(NOT_EXCLUDED, subject);
    if (kind !== 'human') where.and(`NOT ${needsHuman('?')}`, HUMAN_APPROVER_ROLES);
  }
}

/** Returns the SQL condition that an approval currently has a status, in a form that an index can serve. */
function hasStatus(status: ApprovalStatus): string {
  if (status === 'pending') return `a.status = ? AND NOT ${expiredCondition('a')}`;
  if (status === 'expired') return `(a.status = ? OR ${expiredCondition('a')})`;
  return 'a.status = ?';
}

const isTaskOverdue = (days: string): string => `
  EXISTS (SELECT 1 FROM sessions s WHERE s.task_id = a.task_id AND s.attempt IS NOT NULL AND ${overdue('s', days)})`;

const IS_PARTICIPANT = `EXISTS (
  SELECT 1 FROM task_participants p WHERE p.task_id = a.task_id AND p.role = ANY(?))`;

const NOT_VOTED = `NOT EXISTS (
  SELECT 1 FROM approval_votes v
   WHERE v.chain_id = a.chain_id AND v.subject = ? AND (v.approval_id <> a.id OR ${isCounted('a')}))`;

const NOT_EXCLUDED = `NOT EXISTS (
  SELECT 1 FROM (${excludedFrom('a')}) e WHERE e.subject = ?)`;

const PENDING_BY_ROLE = boundedRoles(`
  SELECT approver_role AS role, count(*) AS count, max(created_at) AS latest FROM approvals
   WHERE status = 'pending' AND expires_at > now() GROUP BY approver_role`);
