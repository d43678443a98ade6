import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { loadForUpdate } from '../database/row-loader.js';
import { sql } from '../database/sql.js';
import { expectTask } from '../lifecycle/task-summary.js';
import { type LoadedSession, SessionsRepository } from './sessions.repository.js';

/** Reads and locks the attempts of a task. */
@Injectable()
export class AttemptsRepository {
  constructor(private readonly sessions: SessionsRepository) {}

  /**
   * Locks and returns the latest attempt of a task. A transaction with this lock can open the next attempt. If another
   * transaction opened one while this one waited for the lock, the newer attempt is locked instead.
   */
  async lockLatest(manager: EntityManager, taskId: string): Promise<LoadedSession> {
    for (;;) {
      const [latest] = await sql<{ id: string }>(manager, LATEST_ID, [taskId]);
      if (!latest) throw new Error('a task has at least one attempt');
      const locked = await loadForUpdate(manager, this.sessions.loader(latest.id));
      const [still] = await sql<{ id: string }>(manager, LATEST_ID, [taskId]);
      if (locked && still?.id === locked.id) return locked;
    }
  }

  /** Returns the maximum number of attempts of a task. */
  async getMaxAttempts(manager: EntityManager, taskId: string): Promise<number> {
    const found = await sql<{ max_attempts: number }>(manager, MAX_ATTEMPTS, [taskId]);
    return expectTask(found).max_attempts;
  }

  /** Returns the number of releases of a task whose claim reached its client, at most `limit`. */
  async countReleases(manager: EntityManager, taskId: string, limit: number): Promise<number> {
    return (await sql(manager, RELEASED, [taskId, limit])).length;
  }

  /** Compares a due time with PostgreSQL's clock and with the deadline of an attempt. */
  async compareDueTime(
    manager: EntityManager,
    id: string,
    dueTime: string,
  ): Promise<{ isPast: boolean; isAfterDeadline: boolean }> {
    const [found] = await sql<{ past: boolean; late: boolean | null }>(manager, DUE_TIME, [
      id,
      dueTime,
    ]);
    return { isPast: found?.past === true, isAfterDeadline: found?.late === true };
  }
}

const LATEST_ID = `
  SELECT id FROM sessions WHERE task_id = $1 AND attempt IS NOT NULL ORDER BY attempt DESC LIMIT 1`;

const MAX_ATTEMPTS = `SELECT max_attempts FROM tasks WHERE id = $1`;

const RELEASED = `
  SELECT 1 FROM sessions s
   WHERE s.task_id = $1 AND s.ended_reason = 'released'
     AND s.id NOT IN (
       SELECT e.session_id FROM audit_events e
        WHERE e.task_id = $1 AND e.event_type = 'task_released' AND e.session_id IS NOT NULL
          AND e.metadata @> '{"undelivered": true}')
   LIMIT $2`;

const DUE_TIME = `
  SELECT $2::timestamptz <= clock_timestamp() AS past, $2::timestamptz >= deadline_at AS late
    FROM sessions WHERE id = $1`;
