import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import type { EndingTask, ParkedAttempt, RequiredApproval, TaskSubject } from './locked-task.js';
import { expectTask, type TaskSummary } from './task-summary.js';

/** The content of a task, and whether its deadline has passed by PostgreSQL's clock. */
export type TaskContent = TaskSubject & {
  requires_approval: RequiredApproval | null;
  deadline_past: boolean | null;
};

/** Reads and locks tasks for all features. Lock order: session, task, approval. */
@Injectable()
export class TaskStatesRepository {
  /** Returns the current state of a task. Null if the task does not exist. */
  async find(manager: EntityManager, taskId: string): Promise<TaskSummary | null> {
    const [facts] = await sql<TaskSummary>(manager, SUMMARY, [taskId]);
    return facts ?? null;
  }

  /** Locks the parked attempt of a task, if there is one, and then the task. */
  async lock(manager: EntityManager, taskId: string): Promise<TaskContent> {
    const [, task] = await Promise.all([
      sql(manager, LOCK_PARKED, [taskId]),
      sql<TaskContent>(manager, LOCK, [taskId]),
    ]);
    return expectTask(task);
  }

  /** Locks a task, and returns the columns on which its end depends. */
  async lockEnding(manager: EntityManager, taskId: string): Promise<EndingTask> {
    return expectTask(await sql<EndingTask>(manager, LOCK_ENDING, [taskId]));
  }

  /** Locks the latest attempt of a task against changes, and returns its id. */
  async lockLatestAttempt(manager: EntityManager, taskId: string): Promise<string | undefined> {
    const [latest] = await sql<{ id: string }>(manager, LOCK_ATTEMPT, [taskId]);
    return latest?.id;
  }

  /** Returns the attempt of a task that waits for an approval and is not due yet. Undefined if there is none. */
  async findParked(manager: EntityManager, taskId: string): Promise<ParkedAttempt | undefined> {
    const [parked] = await sql<ParkedAttempt>(manager, PARKED, [taskId]);
    return parked;
  }
}

const SUMMARY = `
  SELECT task_id, from_role, to_role, created_by, trace_id, status, session_id, claimed_by,
         ARRAY(SELECT p.role FROM task_participants p WHERE p.task_id = t.task_id) AS participants
    FROM task_states t WHERE task_id = $1`;

const LOCK = `
  SELECT task_type, description, data, context, requires_approval,
         deadline_at <= clock_timestamp() AS deadline_past
    FROM tasks WHERE id = $1 FOR NO KEY UPDATE`;

/** Runs before the lock of the task, to keep the lock order. */
const LOCK_PARKED = `
  SELECT 1 FROM sessions
   WHERE task_id = $1 AND attempt IS NOT NULL AND status = 'pending' AND parked_for IS NOT NULL
     FOR NO KEY UPDATE`;

const PARKED = `
  SELECT s.id, s.status, s.version, s.task_id, s.trace_id, s.attempt, s.claimed_by, s.role, a.chain_id
    FROM sessions s JOIN approvals a ON a.id = s.parked_for
   WHERE s.task_id = $1 AND s.attempt IS NOT NULL AND s.status = 'pending'
     AND s.not_before > clock_timestamp()`;

const LOCK_ENDING = `
  SELECT requires_approval,
         CASE WHEN requires_approval IS NOT NULL THEN jsonb_build_object(
           'task_type', task_type, 'description', description, 'data', data, 'context', context) END AS subject
    FROM tasks WHERE id = $1 FOR NO KEY UPDATE`;

const LOCK_ATTEMPT = `
  SELECT id FROM sessions WHERE task_id = $1 AND attempt IS NOT NULL
   ORDER BY attempt DESC LIMIT 1 FOR SHARE`;
