import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { assignments, insertSelect, statement } from '../database/statement.js';
import type { Webhook, WebhookStatus } from './webhook.entity.js';

export type NewWebhook = Pick<
  Webhook,
  'id' | 'url' | 'types' | 'role' | 'task_id' | 'description' | 'secret' | 'created_by'
>;

/** The members of a webhook that an update sets. */
export type WebhookSettings = Pick<
  Webhook,
  'id' | 'url' | 'types' | 'role' | 'task_id' | 'description' | 'status'
>;

/** Runs the statements of the table `webhooks`. */
@Injectable()
export class WebhooksRepository {
  /** Inserts a webhook that receives the events from now on. Returns undefined if there are `limit` webhooks. */
  async insert(
    manager: EntityManager,
    webhook: NewWebhook,
    limit: number,
  ): Promise<Webhook | undefined> {
    await sql(manager, 'LOCK TABLE webhooks IN SHARE ROW EXCLUSIVE MODE');
    const [inserted] = await sql<Webhook>(manager, ...INSERT({ ...webhook, limit }));
    return inserted;
  }

  /** Returns all webhooks, oldest first. Their number is limited. */
  list(manager: EntityManager): Promise<Webhook[]> {
    return sql(manager, 'SELECT * FROM webhooks ORDER BY created_at, id');
  }

  /** Returns the number of webhooks of each status that a webhook has. */
  async countByStatus(manager: EntityManager): Promise<Partial<Record<WebhookStatus, number>>> {
    const text = 'SELECT status, count(*)::integer AS count FROM webhooks GROUP BY status';
    const rows = await sql<{ status: WebhookStatus; count: number }>(manager, text);
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  /** Whether a webhook can receive events. */
  async hasEnabled(manager: EntityManager): Promise<boolean> {
    const rows = await sql(manager, `SELECT 1 FROM webhooks WHERE status = 'enabled' LIMIT 1`);
    return rows.length > 0;
  }

  async find(manager: EntityManager, id: string): Promise<Webhook | undefined> {
    const [webhook] = await sql<Webhook>(manager, 'SELECT * FROM webhooks WHERE id = $1', [id]);
    return webhook;
  }

  /** Locks and returns a webhook until the transaction ends. */
  async lock(manager: EntityManager, id: string): Promise<Webhook | undefined> {
    const text = 'SELECT * FROM webhooks WHERE id = $1 FOR UPDATE';
    const [webhook] = await sql<Webhook>(manager, text, [id]);
    return webhook;
  }

  /** Sets the settings of a locked webhook. A webhook that is enabled again has no failures. */
  async update(manager: EntityManager, settings: WebhookSettings): Promise<Webhook> {
    return one(await sql<Webhook>(manager, ...UPDATE(settings)));
  }

  /** Replaces the secret of a locked webhook. The one before signs as well for some seconds. */
  async rotate(
    manager: EntityManager,
    id: string,
    secret: Buffer,
    overlapSeconds: number,
  ): Promise<Webhook> {
    return one(await sql<Webhook>(manager, ...ROTATE({ id, secret, overlapSeconds })));
  }

  async delete(manager: EntityManager, id: string): Promise<void> {
    await sql(manager, 'DELETE FROM webhooks WHERE id = $1', [id]);
  }

  /** Records that an attempt succeeded. */
  async resetFailures(manager: EntityManager, id: string): Promise<void> {
    await sql(
      manager,
      `UPDATE webhooks SET failures = 0, failing_since = NULL WHERE id = $1 AND failures > 0`,
      [id],
    );
  }

  /**
   * Records a failed attempt. Disables the webhook as gone, or as failing when its failures are many and old enough; then
   * returns it.
   */
  async countFailure(
    manager: EntityManager,
    failure: { id: string; isGone: boolean; minFailures: number; minDays: number },
  ): Promise<Webhook | undefined> {
    const [webhook] = await sql<Webhook & { is_disabled: boolean }>(manager, ...COUNT(failure));
    return webhook?.is_disabled === true ? webhook : undefined;
  }
}

function one(rows: readonly Webhook[]): Webhook {
  const [webhook] = rows;
  if (!webhook) throw new Error('The locked webhook is gone');
  return webhook;
}

const INSERT = statement<NewWebhook & { limit: number }>(
  (value) => `
  ${insertSelect<NewWebhook & { after_position: unknown }>('webhooks', {
    id: value.id,
    url: value.url,
    types: value.types,
    role: value.role,
    task_id: value.task_id,
    description: value.description,
    secret: value.secret,
    created_by: value.created_by,
    after_position: '(SELECT last_position FROM event_log_head)',
  })}
   WHERE (SELECT count(*) FROM webhooks) < ${value.limit}
  RETURNING *`,
);

const UPDATE = statement<WebhookSettings>(
  (value) => `
  UPDATE webhooks
     SET ${assignments<Webhook>({
       url: value.url,
       types: value.types,
       role: value.role,
       task_id: value.task_id,
       description: value.description,
       status: value.status,
       failures: `CASE WHEN status = 'enabled' THEN failures ELSE 0 END`,
       failing_since: `CASE WHEN status = 'enabled' THEN failing_since END`,
       version: 'version + 1',
       updated_at: 'clock_timestamp()',
     })}
   WHERE id = ${value.id} RETURNING *`,
);

const ROTATE = statement<{ id: string; secret: Buffer; overlapSeconds: number }>(
  ({ id, secret, overlapSeconds }) => `
  UPDATE webhooks
     SET ${assignments<Webhook>({
       secret,
       old_secret: 'secret',
       old_secret_until: `clock_timestamp() + make_interval(secs => ${overlapSeconds})`,
       version: 'version + 1',
       updated_at: 'clock_timestamp()',
     })}
   WHERE id = ${id} RETURNING *`,
);

const COUNT = statement<{ id: string; isGone: boolean; minFailures: number; minDays: number }>(
  ({ id, isGone, minFailures, minDays }) => `
  WITH counted AS (
    SELECT id, status, failures + 1 AS failures, coalesce(failing_since, clock_timestamp()) AS failing_since
      FROM webhooks WHERE id = ${id} FOR UPDATE),
  judged AS (
    SELECT *, CASE WHEN status <> 'enabled' THEN status
                   WHEN ${isGone} THEN 'gone'
                   WHEN failures >= ${minFailures}
                        AND failing_since < clock_timestamp() - make_interval(days => ${minDays})
                   THEN 'disabled_failing'
                   ELSE status END AS next_status
      FROM counted)
  UPDATE webhooks w
     SET failures = j.failures, failing_since = j.failing_since, status = j.next_status,
         version = w.version + (j.next_status <> j.status)::int
    FROM judged j WHERE w.id = j.id
  RETURNING w.*, j.next_status <> j.status AS is_disabled`,
);
