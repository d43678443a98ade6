import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { overdue } from '../lifecycle/overdue.sql.js';

/** Reads the attempts of a task, on which its approvals depend. */
@Injectable()
export class TaskAttemptsRepository {
  constructor(private readonly environment: Environment) {}

  /** Returns whether the subject holds or held an attempt of the task. */
  async hasHeld(manager: EntityManager, taskId: string, subject: string): Promise<boolean> {
    return (await sql(manager, HELD, [taskId, subject])).length > 0;
  }

  /** Returns whether an attempt is expired or overdue. */
  async isExpired(manager: EntityManager, sessionId: string): Promise<boolean> {
    const parameters = [sessionId, this.environment.SESSION_RETENTION_DAYS];
    return (await sql(manager, EXPIRED, parameters)).length > 0;
  }
}

const HELD = `
  SELECT 1 FROM sessions WHERE task_id = $1 AND attempt IS NOT NULL AND claimed_by = $2 LIMIT 1`;

const EXPIRED = `
  SELECT 1 FROM sessions s WHERE s.id = $1 AND (s.status = 'expired' OR ${overdue('s', '$2')})`;
