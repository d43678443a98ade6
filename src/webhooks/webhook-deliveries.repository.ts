import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { statement } from '../database/statement.js';
import { EVENTS_AT_POSITIONS } from '../events/events.repository.js';
import type { WebhookAttempt } from './webhook-attempt.entity.js';
import type { DeliveryStatus } from './webhook-delivery.entity.js';
import { IS_FOR } from './webhook-selection.sql.js';

/** A delivery with its attempts, oldest first. */
export interface DeliveryWithAttempts {
  position: number;
  event_id: string;
  event_type: string;
  status: DeliveryStatus;
  next_attempt_at: Date;
  created_at: Date;
  ended_at: Date | null;
  attempts: Pick<WebhookAttempt, 'started_at' | 'duration_ms' | 'status' | 'error' | 'response'>[];
}

export interface Selection {
  webhookId: string;
  after: number;
  upTo: number;
  onlyFailed: boolean;
}

/** Runs the statements of the delivery log: the tables `webhook_deliveries` and `webhook_attempts`. */
@Injectable()
export class WebhookDeliveriesRepository {
  /** Returns deliveries with the highest positions first. */
  list(
    manager: EntityManager,
    webhookId: string,
    filter: { status: DeliveryStatus | undefined; before: number | undefined },
    limit: number,
  ): Promise<DeliveryWithAttempts[]> {
    return sql(manager, LIST, [webhookId, filter.status ?? null, filter.before ?? null, limit]);
  }

  /** Schedules one delivery again. Returns whether it exists. */
  async redeliver(manager: EntityManager, webhookId: string, position: number): Promise<boolean> {
    const rows = await sql(manager, REDELIVER, [webhookId, position]);
    return rows.length > 0;
  }

  /** Schedules all selected events, at most `limit`, and returns their number. */
  async replay(manager: EntityManager, selection: Selection, limit: number): Promise<number> {
    const [result] = await sql<{ count: number }>(manager, ...REPLAY({ ...selection, limit }));
    return result?.count ?? 0;
  }

  /** Returns the position of the last event before a time; 0: there is none. */
  async positionBefore(manager: EntityManager, time: string): Promise<number> {
    const [row] = await sql<{ position: number }>(manager, POSITION_BEFORE, [time]);
    return row?.position ?? 0;
  }

  /** Deletes ended deliveries that are older than some days, at most `limit`, and returns their number. */
  async deleteOld(manager: EntityManager, days: number, limit: number): Promise<number> {
    const rows = await sql(manager, DELETE_OLD, [days, limit]);
    return rows.length;
  }

  /** Returns the number of pending deliveries, at most 10,000, and the seconds that the oldest is overdue. */
  async getBacklog(manager: EntityManager): Promise<{ count: number; seconds: number }> {
    const [row] = await sql<{ count: number; seconds: number }>(manager, BACKLOG);
    return row ?? { count: 0, seconds: 0 };
  }
}

const LIST = `
  SELECT d.position::float8 AS position, d.event_id, e.event_type, d.status, d.next_attempt_at, d.created_at,
         d.ended_at,
         coalesce((SELECT jsonb_agg(jsonb_build_object(
                            'started_at', a.started_at, 'duration_ms', a.duration_ms, 'status', a.status,
                            'error', a.error, 'response', a.response) ORDER BY a.started_at)
                     FROM webhook_attempts a
                    WHERE a.webhook_id = d.webhook_id AND a.position = d.position), '[]') AS attempts
    FROM webhook_deliveries d JOIN audit_events e ON e.id = d.event_id
   WHERE d.webhook_id = $1 AND ($2::text IS NULL OR d.status = $2)
     AND ($3::bigint IS NULL OR d.position < $3)
   ORDER BY d.position DESC LIMIT $4`;

const AGAIN = `
  status = 'pending', attempts = 0, ended_at = NULL, next_attempt_at = clock_timestamp()`;

const REDELIVER = `
  UPDATE webhook_deliveries SET ${AGAIN} WHERE webhook_id = $1 AND position = $2 RETURNING position`;

const REPLAY = statement<Selection & { limit: number }>(
  ({ webhookId, after, upTo, onlyFailed, limit }) => `
  WITH selected AS (
    SELECT w.id AS webhook_id, l.position, e.id AS event_id, e.task_id
      FROM webhooks w, ${EVENTS_AT_POSITIONS}
     WHERE w.id = ${webhookId} AND l.position > ${after}::bigint AND l.position <= ${upTo}::bigint
       AND ${IS_FOR}
       AND (NOT ${onlyFailed}::boolean
            OR EXISTS (SELECT 1 FROM webhook_deliveries d
                        WHERE d.webhook_id = w.id AND d.position = l.position AND d.status = 'failed'))
     ORDER BY l.position LIMIT ${limit}),
  scheduled AS (
    INSERT INTO webhook_deliveries AS d (webhook_id, position, event_id, task_id)
    SELECT webhook_id, position, event_id, task_id FROM selected
    ON CONFLICT (webhook_id, position) DO UPDATE SET ${AGAIN})
  SELECT count(*)::int AS count FROM selected`,
);

const POSITION_BEFORE = `
  SELECT l.position::float8 AS position
    FROM audit_events e JOIN event_log l ON l.event_id = e.id
   WHERE e.timestamp < $1::timestamptz ORDER BY e.timestamp DESC LIMIT 1`;

const DELETE_OLD = `
  DELETE FROM webhook_deliveries
   WHERE (webhook_id, position) IN (
     SELECT webhook_id, position FROM webhook_deliveries
      WHERE ended_at < clock_timestamp() - make_interval(days => $1) LIMIT $2)
  RETURNING position`;

const BACKLOG = `
  SELECT count(*)::int AS count,
         coalesce(greatest(extract(epoch FROM clock_timestamp() - min(next_attempt_at)), 0), 0)::float8 AS seconds
    FROM (SELECT p.next_attempt_at
            FROM webhooks w
            CROSS JOIN LATERAL (
              (SELECT d.next_attempt_at FROM webhook_deliveries d
                WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.attempts = 0
                ORDER BY d.position LIMIT 10000)
              UNION ALL
              (SELECT d.next_attempt_at FROM webhook_deliveries d
                WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.attempts > 0
                ORDER BY d.next_attempt_at LIMIT 10000)) AS p
           WHERE w.status = 'enabled' LIMIT 10000) AS d`;
