import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { queueSql, sql } from '../database/sql.js';
import { statement } from '../database/statement.js';
import type { LogEvent } from '../events/log-event.js';
import type { WebhookAttempt } from './webhook-attempt.entity.js';
import type { DeliveryStatus } from './webhook-delivery.entity.js';
import type { Webhook } from './webhook.entity.js';

/** An event that this process has to send now. */
export interface ClaimedDelivery {
  webhook: Webhook;
  event: ScheduledEvent;
  /** Attempts including this one. */
  attempts: number;
}

/** An event with the epoch in which it received its position. */
export type ScheduledEvent = LogEvent & { epoch: number };

/** The outcome of an attempt. */
export interface Outcome {
  webhookId: string;
  position: number;
  startedAt: Date;
  durationMs: number;
  status: number | null;
  error: string | null;
  response: string;
  /** The state after the attempt. A pending delivery is tried again after `delaySeconds`. */
  next: DeliveryStatus;
  delaySeconds: number | null;
}

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

/** Runs the statements of the tables `webhook_deliveries` and `webhook_attempts`. */
@Injectable()
export class WebhookDeliveriesRepository {
  /**
   * Creates deliveries of the next events for enabled webhooks, at most `positions` for each. Another instance that does
   * so for a webhook at the same time skips it. Returns the number of webhooks that have more events.
   */
  async schedule(manager: EntityManager, positions: number): Promise<number> {
    const [result] = await sql<{ behind: number }>(manager, SCHEDULE, [positions]);
    return result?.behind ?? 0;
  }

  /**
   * Claims deliveries that are due: for each webhook at most `perWebhook` at a time, of which at most `retries` are
   * retries. A delivery waits for an earlier pending one of the same task. A claim ends after `seconds`, if its process ends.
   */
  async claim(
    manager: EntityManager,
    limits: { perWebhook: number; retries: number; total: number; seconds: number },
  ): Promise<{ webhook_id: string; position: number; attempts: number }[]> {
    return sql(manager, ...CLAIM(limits));
  }

  /** Returns the events of claimed deliveries that the webhook may receive. Events that it may no longer read are absent. */
  async listEvents(
    manager: EntityManager,
    keys: readonly { webhook_id: string; position: number }[],
  ): Promise<(ScheduledEvent & { webhook_id: string })[]> {
    return sql(manager, EVENTS, [
      keys.map(({ webhook_id }) => webhook_id),
      keys.map(({ position }) => position),
    ]);
  }

  /** Records the outcome of an attempt. */
  record(manager: EntityManager, outcome: Outcome): void {
    queueSql(manager, ...ATTEMPT(outcome));
    queueSql(manager, ...END(outcome));
  }

  /** Deletes the delivery of an event that the webhook may no longer read. */
  async discard(manager: EntityManager, webhookId: string, position: number): Promise<void> {
    await sql(
      manager,
      `DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND position = $2 AND status = 'pending'`,
      [webhookId, position],
    );
  }

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

/** Whether the event `e` is for the webhook `w`. A test event is for its webhook only, whatever its types are. */
const IS_FOR = `
  CASE WHEN e.event_type = 'webhook_tested' THEN e.metadata->>'webhook_id' = w.id::text
       ELSE (w.types = '{*}' OR e.event_type = ANY(w.types))
            AND (w.task_id IS NULL OR e.task_id = w.task_id)
            AND (w.role IS NULL OR w.role IN ('admin', 'auditor')
                 OR EXISTS (SELECT 1 FROM task_participants p
                             WHERE p.task_id = e.task_id AND p.role = w.role))
  END`;

const SCHEDULE = `
  WITH due AS (
    SELECT w.*, least(h.last_position, w.after_position + $1) AS up_to, h.last_position
      FROM webhooks w, event_log_head h
     WHERE w.status = 'enabled' AND w.after_position < h.last_position
     FOR UPDATE OF w SKIP LOCKED),
  created AS (
    INSERT INTO webhook_deliveries (webhook_id, position, event_id, task_id)
    SELECT w.id, l.position, e.id, e.task_id
      FROM due w
      JOIN event_log l ON l.position > w.after_position AND l.position <= w.up_to
      JOIN audit_events e ON e.id = l.event_id
     WHERE ${IS_FOR}
    ON CONFLICT DO NOTHING),
  moved AS (
    UPDATE webhooks w SET after_position = d.up_to FROM due d WHERE w.id = d.id)
  SELECT count(*)::int AS behind FROM due WHERE up_to < last_position`;

/** The delivery `d` can be sent now: no instance sends it, and no earlier one of its task is pending. */
const DUE = `
  d.status = 'pending' AND d.next_attempt_at <= clock_timestamp()
  AND (d.sending_until IS NULL OR d.sending_until <= clock_timestamp())
  AND NOT EXISTS (SELECT 1 FROM webhook_deliveries o
                   WHERE o.webhook_id = d.webhook_id AND o.task_id = d.task_id
                     AND o.status = 'pending' AND o.position < d.position)`;

const CLAIM = statement<{ perWebhook: number; retries: number; total: number; seconds: number }>(
  ({ perWebhook, retries, total, seconds }) => `
  WITH ready AS (
    SELECT w.id FROM webhooks w
     WHERE w.status = 'enabled'
       AND EXISTS (SELECT 1 FROM webhook_deliveries d
                    WHERE d.webhook_id = w.id AND d.status = 'pending'
                      AND d.next_attempt_at <= clock_timestamp())
     FOR UPDATE SKIP LOCKED),
  busy AS (
    SELECT r.id, count(d.*) AS count, count(d.*) FILTER (WHERE d.attempts > 1) AS retries
      FROM ready r
      LEFT JOIN webhook_deliveries d
        ON d.webhook_id = r.id AND d.status = 'pending' AND d.sending_until > clock_timestamp()
     GROUP BY r.id),
  candidates AS (
    SELECT c.*, b.count,
           row_number() OVER (PARTITION BY c.webhook_id ORDER BY c.attempts > 0, c.position) AS place
      FROM busy b
      CROSS JOIN LATERAL (
        (SELECT d.webhook_id, d.position, d.attempts FROM webhook_deliveries d
          WHERE d.webhook_id = b.id AND ${DUE} AND d.attempts = 0
          ORDER BY d.position LIMIT ${perWebhook})
        UNION ALL
        (SELECT d.webhook_id, d.position, d.attempts FROM webhook_deliveries d
          WHERE d.webhook_id = b.id AND ${DUE} AND d.attempts > 0
          ORDER BY d.next_attempt_at, d.position LIMIT greatest(${retries}::int - b.retries, 0))) AS c),
  chosen AS (
    SELECT webhook_id, position FROM candidates
     WHERE place <= ${perWebhook}::int - count ORDER BY attempts > 0, position LIMIT ${total})
  UPDATE webhook_deliveries d
     SET attempts = d.attempts + 1,
         sending_until = clock_timestamp() + make_interval(secs => ${seconds})
    FROM chosen c
   WHERE (d.webhook_id, d.position) = (c.webhook_id, c.position)
  RETURNING d.webhook_id, d.position::float8 AS position, d.attempts`,
);

const EVENTS = `
  SELECT w.id AS webhook_id, l.position::float8 AS position,
         (SELECT max(p.epoch) FROM event_log_epochs p WHERE p.after_position < l.position) AS epoch, e.id, e.event_type, e.role, e.actor, e.timestamp,
         e.trace_id, e.task_id, e.session_id, e.approval_id, e.metadata
    FROM unnest($1::uuid[], $2::bigint[]) AS k(webhook_id, position)
    JOIN webhooks w ON w.id = k.webhook_id
    JOIN event_log l ON l.position = k.position
    JOIN audit_events e ON e.id = l.event_id
   WHERE ${IS_FOR}`;

const ATTEMPT = statement<Outcome>(
  (value) => `
  INSERT INTO webhook_attempts (webhook_id, position, started_at, duration_ms, status, error, response)
  SELECT d.webhook_id, d.position, ${value.startedAt}::timestamptz, ${value.durationMs}::integer,
         ${value.status}::smallint, ${value.error}::text, ${value.response}::text
    FROM webhook_deliveries d
   WHERE (d.webhook_id, d.position) = (${value.webhookId}::uuid, ${value.position}::bigint)
  ON CONFLICT DO NOTHING`,
);

const END = statement<Outcome>(
  ({ webhookId, position, next, delaySeconds }) => `
  UPDATE webhook_deliveries
     SET status = ${next}::text, sending_until = NULL,
         ended_at = CASE WHEN ${next}::text <> 'pending' THEN clock_timestamp() END,
         next_attempt_at = clock_timestamp() + make_interval(secs => coalesce(${delaySeconds}::float8, 0))
   WHERE webhook_id = ${webhookId} AND position = ${position} AND status = 'pending'`,
);

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
      FROM webhooks w
      JOIN event_log l ON l.position > ${after}::bigint AND l.position <= ${upTo}::bigint
      JOIN audit_events e ON e.id = l.event_id
     WHERE w.id = ${webhookId} AND ${IS_FOR}
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
    FROM (SELECT d.next_attempt_at FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
           WHERE d.status = 'pending' AND w.status = 'enabled' LIMIT 10000) AS d`;
