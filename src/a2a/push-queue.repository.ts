import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { statement } from '../database/statement.js';
import { EVENTS_AT_POSITIONS } from '../events/events.repository.js';
import type { PushConfig } from './push-config.entity.js';
import type { PushConfigKey } from './push-configs.repository.js';
import type { TaskEvent } from './push-updates.js';

/** A configuration at the version of the present attempt. */
export type ClaimedConfig = PushConfigKey & Pick<PushConfig, 'version'>;

/** The state of a configuration after an attempt. */
export interface PushOutcome {
  readonly attempts: number;
  /** Seconds until the next attempt. Null: the next event of the task makes it due. */
  readonly delaySeconds: number | null;
  readonly hasEnded: boolean;
}

/** Runs the statements that make configurations due, claim them, and end the attempts. */
@Injectable()
export class PushQueueRepository {
  /** Whether a configuration can receive updates. */
  async hasOpen(manager: EntityManager): Promise<boolean> {
    const rows = await sql(manager, 'SELECT 1 FROM push_configs WHERE ended_at IS NULL LIMIT 1');
    return rows.length > 0;
  }

  /** Makes the configurations due whose tasks have events at these positions. */
  async markChanged(manager: EntityManager, after: number, upTo: number): Promise<void> {
    await sql(manager, MARK_CHANGED, [after, upTo]);
  }

  /** Makes all configurations due. */
  async markAll(manager: EntityManager): Promise<void> {
    await sql(manager, MARK_ALL);
  }

  /** Claims configurations that are due, at most `limit`. A claim ends after `seconds`, if its process ends. */
  claim(manager: EntityManager, limit: number, seconds: number): Promise<PushConfig[]> {
    return sql(manager, CLAIM, [limit, seconds]);
  }

  /** Returns all events of a task: first those with a position, in their order. */
  listEvents(manager: EntityManager, taskId: string): Promise<TaskEvent[]> {
    return sql(manager, EVENTS, [taskId]);
  }

  /**
   * Records that the endpoint has received the updates up to a position, and extends the claim. Returns false if the
   * configuration was deleted or changed, or another instance has claimed it.
   */
  async advance(
    manager: EntityManager,
    config: ClaimedConfig,
    position: number,
    seconds: number,
  ): Promise<boolean> {
    return (await sql(manager, ...ADVANCE({ ...config, position, seconds }))).length > 0;
  }

  /** Ends an attempt. Changes nothing if {@link advance} would return false. */
  async settle(manager: EntityManager, config: ClaimedConfig, outcome: PushOutcome): Promise<void> {
    await sql(manager, ...SETTLE({ ...config, ...outcome }));
  }
}

/** Locks the rows in one order, so that two instances do not wait for each other. */
const marked = (condition: string): string => `
  WITH found AS (
    SELECT task_id, owner, id FROM push_configs
     WHERE ended_at IS NULL AND NOT is_changed ${condition}
     ORDER BY task_id, owner, id FOR UPDATE)
  UPDATE push_configs c SET is_changed = true, due_at = coalesce(c.due_at, clock_timestamp())
    FROM found f WHERE (c.task_id, c.owner, c.id) = (f.task_id, f.owner, f.id)`;

const MARK_ALL = marked('');

const MARK_CHANGED = marked(`
  AND task_id IN (SELECT e.task_id FROM ${EVENTS_AT_POSITIONS} WHERE l.position > $1 AND l.position <= $2)`);

const CLAIM = `
  WITH due AS (
    SELECT task_id, owner, id FROM push_configs
     WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
  UPDATE push_configs c
     SET due_at = clock_timestamp() + make_interval(secs => $2), is_changed = false, version = c.version + 1
    FROM due d WHERE (c.task_id, c.owner, c.id) = (d.task_id, d.owner, d.id)
  RETURNING c.*`;

const EVENTS = `
  SELECT l.position::float8 AS position, e.event_type, e.approval_id, e.timestamp, e.metadata
    FROM audit_events e LEFT JOIN event_log l ON l.event_id = e.id
   WHERE e.task_id = $1 ORDER BY l.position NULLS LAST, e.timestamp, e.id`;

const OF_CLAIM = (value: Record<keyof ClaimedConfig, string>): string =>
  `task_id = ${value.task_id} AND owner = ${value.owner} AND id = ${value.id} AND version = ${value.version}`;

const ADVANCE = statement<ClaimedConfig & { position: number; seconds: number }>(
  (value) => `
  UPDATE push_configs
     SET position = greatest(position, ${value.position}::bigint), attempts = 0,
         due_at = clock_timestamp() + make_interval(secs => ${value.seconds})
   WHERE ${OF_CLAIM(value)} RETURNING id`,
);

/** Events that were recorded during the attempt make the configuration due at once, unless it has failed. */
const SETTLE = statement<ClaimedConfig & PushOutcome>(
  (value) => `
  UPDATE push_configs
     SET attempts = ${value.attempts},
         due_at = CASE WHEN ${value.hasEnded}::boolean THEN NULL
                       WHEN ${value.delaySeconds}::float8 IS NOT NULL
                       THEN clock_timestamp() + make_interval(secs => ${value.delaySeconds}::float8)
                       WHEN is_changed THEN clock_timestamp() END,
         ended_at = CASE WHEN ${value.hasEnded}::boolean THEN clock_timestamp() END
   WHERE ${OF_CLAIM(value)}`,
);
