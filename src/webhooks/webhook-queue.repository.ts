import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { queueSql, sql } from '../database/sql.js';
import { statement } from '../database/statement.js';
import { EVENTS_AT_POSITIONS } from '../events/events.repository.js';
import type { LogEvent } from '../events/log-event.js';
import type { DeliveryStatus } from './webhook-delivery.entity.js';
import { IS_FOR } from './webhook-selection.sql.js';
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

export interface DeliveryKey {
  webhookId: string;
  position: number;
}

/** The outcome of an attempt. */
export interface Outcome extends DeliveryKey {
  startedAt: Date;
  durationMs: number;
  status: number | null;
  error: string | null;
  response: string;
  /** The state after the attempt. A pending delivery is tried again after `delaySeconds`. */
  next: DeliveryStatus;
  delaySeconds: number | null;
}

/** How many deliveries are claimed, and for how long. */
interface ClaimLimits {
  perWebhook: number;
  retries: number;
  total: number;
  seconds: number;
}

/** Runs the statements that create, claim and end pending deliveries. */
@Injectable()
export class WebhookQueueRepository {
  /**
   * Creates deliveries of the next events for enabled webhooks, at most `positions` for each. Another instance that does
   * so for a webhook at the same time skips it. Returns the number of webhooks that have more events.
   */
  async schedule(manager: EntityManager, positions: number): Promise<number> {
    const [result] = await sql<{ behind: number }>(manager, SCHEDULE, [positions]);
    return result?.behind ?? 0;
  }

  /**
   * Locks the enabled webhooks that have deliveries whose time has come, and returns their ids. Skips those that another
   * transaction has locked.
   */
  async lockReady(manager: EntityManager): Promise<string[]> {
    const ready = await sql<{ id: string }>(manager, READY);
    return ready.map(({ id }) => id);
  }

  /**
   * Claims deliveries of locked webhooks that are due: for each webhook at most `perWebhook` at a time, of which at most
   * `retries` are retries. A delivery waits for an earlier pending one of the same task. A claim ends after `seconds`, if
   * its process ends.
   */
  async claim(
    manager: EntityManager,
    webhookIds: readonly string[],
    limits: ClaimLimits,
  ): Promise<{ webhook_id: string; position: number; attempts: number }[]> {
    return sql(manager, ...CLAIM({ ...limits, webhookIds }));
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

  /** Ends a claim as if it had not been made. */
  async release(manager: EntityManager, { webhookId, position }: DeliveryKey): Promise<void> {
    await sql(
      manager,
      `UPDATE webhook_deliveries SET attempts = greatest(attempts - 1, 0), sending_until = NULL
        WHERE webhook_id = $1 AND position = $2 AND status = 'pending'`,
      [webhookId, position],
    );
  }

  /** Deletes the delivery of an event that the webhook may no longer read. */
  async discard(manager: EntityManager, webhookId: string, position: number): Promise<void> {
    await sql(
      manager,
      `DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND position = $2 AND status = 'pending'`,
      [webhookId, position],
    );
  }
}

const SCHEDULE = `
  WITH due AS (
    SELECT w.*, least(h.last_position, w.after_position + $1) AS up_to, h.last_position
      FROM webhooks w, event_log_head h
     WHERE w.status = 'enabled' AND w.after_position < h.last_position
     FOR UPDATE OF w SKIP LOCKED),
  created AS (
    INSERT INTO webhook_deliveries (webhook_id, position, event_id, task_id)
    SELECT w.id, l.position, e.id, e.task_id
      FROM due w, ${EVENTS_AT_POSITIONS}
     WHERE l.position > w.after_position AND l.position <= w.up_to AND ${IS_FOR}
    ON CONFLICT DO NOTHING),
  moved AS (
    UPDATE webhooks w SET after_position = d.up_to FROM due d WHERE w.id = d.id)
  SELECT count(*)::int AS behind FROM due WHERE up_to < last_position`;

/**
 * The delivery `d` can be sent now: no instance sends it, and no earlier one of its task is pending. The subquery cannot
 * become a join, which would read all pending deliveries.
 */
const DUE = `
  d.status = 'pending' AND d.next_attempt_at <= clock_timestamp()
  AND (d.sending_until IS NULL OR d.sending_until <= clock_timestamp())
  AND (SELECT 1 FROM webhook_deliveries o
        WHERE o.webhook_id = d.webhook_id AND o.task_id = d.task_id
          AND o.status = 'pending' AND o.position < d.position LIMIT 1) IS NULL`;

/** Whether a pending delivery of the webhook `w` is due. Each order is that of an index, so one row is read. */
const IS_READY = `
  (SELECT 1 FROM webhook_deliveries d
    WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.attempts = 0
      AND d.next_attempt_at <= clock_timestamp() ORDER BY d.position LIMIT 1) IS NOT NULL
  OR (SELECT 1 FROM webhook_deliveries d
       WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.attempts > 0
         AND d.next_attempt_at <= clock_timestamp() ORDER BY d.next_attempt_at LIMIT 1) IS NOT NULL`;

const READY = `
  SELECT w.id FROM webhooks w
   WHERE w.status = 'enabled'
     AND (${IS_READY})
   FOR NO KEY UPDATE SKIP LOCKED`;

/**
 * Runs after {@link READY} as a statement of its own. So its snapshot contains every claim of the locked webhooks. In one
 * statement with the lock, the snapshot could be older than the claim of another instance.
 */
const CLAIM = statement<ClaimLimits & { webhookIds: readonly string[] }>(
  ({ webhookIds, perWebhook, retries, total, seconds }) => `
  WITH ready AS (SELECT unnest(${webhookIds}::uuid[]) AS id),
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

/** A delivery without attempts was scheduled again during this one, and stays pending. */
const END = statement<Outcome>(
  ({ webhookId, position, next, delaySeconds }) => `
  UPDATE webhook_deliveries
     SET sending_until = NULL,
         status = CASE WHEN attempts = 0 THEN status ELSE ${next}::text END,
         ended_at = CASE WHEN attempts > 0 AND ${next}::text <> 'pending' THEN clock_timestamp() END,
         next_attempt_at = clock_timestamp() + CASE WHEN attempts = 0 THEN interval '0'
           ELSE make_interval(secs => coalesce(${delaySeconds}::float8, 0)) END
   WHERE webhook_id = ${webhookId} AND position = ${position} AND status = 'pending'`,
);
