import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { isInForce } from '../roles/role-pauses.sql.js';
import { QUEUE_POSITION, URGENCIES } from './inbox.repository.js';

/** The open tasks of a role. */
export interface RoleWork {
  role: string;
  /** Number of pending tasks, at most {@link MAX_TASKS_COUNTED}. */
  pending: number;
  /** Number of active tasks, at most {@link MAX_TASKS_COUNTED}. */
  active: number;
  /** Seconds for which the oldest due task has been due; null if no task is due. */
  oldest_seconds: number | null;
  /** Seconds since the last claim of the role, at most `oldest_seconds`; null if no task is due. */
  unclaimed_seconds: number | null;
  is_paused: boolean;
}

/** The number up to which the tasks of a role and status are counted. */
const MAX_TASKS_COUNTED = 1_000;

/** How many roles are read, in the order of their names. */
const MAX_ROLES = 1_000;

/** Of the latest transitions of the tasks of a role, the number that are searched for an activation by a v0.4 agent. */
const TRANSITIONS_READ = 20;

/** Reads metrics of all roles. Reads a limited number of index entries for each role, so the cost depends on the roles. */
@Injectable()
export class TaskMetricsRepository {
  /** Returns the roles with open tasks, and the paused roles. */
  listRoleWork(manager: EntityManager): Promise<RoleWork[]> {
    return sql(manager, ROLE_WORK);
  }
}

/** Counts tasks of the role `k` with a stored status. */
function countOf(status: 'pending' | 'active'): string {
  return `(SELECT count(*)::integer FROM (
      SELECT 1 FROM sessions a WHERE a.role = k.role AND a.task_status = '${status}' LIMIT ${MAX_TASKS_COUNTED}) c)`;
}

const ROLE_WORK = `
  WITH RECURSIVE assignee (role, n) AS (
    SELECT min(role), 1 FROM sessions WHERE task_status IS NOT NULL
    UNION ALL
    SELECT (SELECT min(s.role) FROM sessions s WHERE s.role > assignee.role AND s.task_status IS NOT NULL), n + 1
      FROM assignee WHERE role IS NOT NULL AND n < ${MAX_ROLES}
  ), pause AS (
    SELECT role FROM role_pauses p WHERE ${isInForce('p')} ORDER BY role LIMIT ${MAX_ROLES}
  ), work AS (
    SELECT k.role, ${countOf('pending')} AS pending, ${countOf('active')} AS active
      FROM (SELECT role FROM assignee WHERE role IS NOT NULL UNION SELECT role FROM pause) k
  ), aged AS (
    SELECT w.*, CASE WHEN w.pending > 0 THEN (
             SELECT extract(epoch FROM clock_timestamp() - min(greatest(a.created_at, a.not_before)))::float8
               FROM ${URGENCIES} CROSS JOIN LATERAL (
                 SELECT a.created_at, a.not_before FROM sessions a
                  WHERE a.role = w.role AND -a.priority = u.urgency AND a.attempt IS NOT NULL AND a.status = 'pending'
                    AND ${QUEUE_POSITION} <= statement_timestamp()
                    AND (a.not_before IS NULL OR a.not_before <= clock_timestamp())
                    AND (a.deadline_at IS NULL OR a.deadline_at > clock_timestamp())
                  ORDER BY ${QUEUE_POSITION}, a.id LIMIT 1
               ) a) END AS oldest_seconds
      FROM work w
  )
  SELECT w.*, EXISTS (SELECT FROM pause p WHERE p.role = w.role) AS is_paused,
         CASE WHEN w.oldest_seconds IS NOT NULL THEN least(w.oldest_seconds, (
           SELECT extract(epoch FROM clock_timestamp() - max(at))::float8 FROM (
             (SELECT e.timestamp AS at FROM audit_events e
               WHERE e.to_role = w.role AND e.event_type = 'task_claimed' ORDER BY e.timestamp DESC, e.id DESC LIMIT 1)
             UNION ALL
             SELECT t.timestamp FROM (
               SELECT e.timestamp, e.metadata FROM audit_events e
                WHERE e.to_role = w.role AND e.event_type = 'session_transitioned'
                ORDER BY e.timestamp DESC, e.id DESC LIMIT ${TRANSITIONS_READ}) t
              WHERE t.metadata ->> 'to' = 'active') claims)) END AS unclaimed_seconds
    FROM aged w
   WHERE w.pending > 0 OR w.active > 0 OR EXISTS (SELECT FROM pause p WHERE p.role = w.role)
   ORDER BY w.pending + w.active DESC, w.role`;
