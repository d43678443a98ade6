import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { insertSelect, statement } from '../database/statement.js';
import type { PushConfig } from './push-config.entity.js';

export type PushConfigKey = Pick<PushConfig, 'task_id' | 'owner' | 'id'>;

export type NewPushConfig = PushConfigKey &
  Pick<PushConfig, 'to_role' | 'roles' | 'url' | 'secret'>;

/** Runs the statements with which callers manage the table `push_configs`. */
@Injectable()
export class PushConfigsRepository {
  /**
   * Inserts or replaces a configuration, which then receives updates again. Returns undefined if the owner has `limit`
   * others for the task.
   *
   * @param isFromStart whether a new configuration receives all updates of the task, and not only those from now on
   */
  async save(
    manager: EntityManager,
    config: NewPushConfig,
    { limit, isFromStart }: { limit: number; isFromStart: boolean },
  ): Promise<PushConfig | undefined> {
    await sql(manager, 'SELECT 1 FROM tasks WHERE id = $1 FOR NO KEY UPDATE', [config.task_id]);
    const [saved] = await sql<PushConfig>(manager, ...SAVE({ ...config, limit, isFromStart }));
    return saved;
  }

  async find(manager: EntityManager, key: PushConfigKey): Promise<PushConfig | undefined> {
    const [config] = await sql<PushConfig>(manager, `SELECT * ${OF_KEY}`, keyOf(key));
    return config;
  }

  /** Returns the configurations of an owner for a task, oldest first. Their number is limited. */
  list(manager: EntityManager, taskId: string, owner: string): Promise<PushConfig[]> {
    return sql(
      manager,
      'SELECT * FROM push_configs WHERE task_id = $1 AND owner = $2 ORDER BY created_at, id',
      [taskId, owner],
    );
  }

  /** Deletes a configuration. Returns whether there was one. */
  async delete(manager: EntityManager, key: PushConfigKey): Promise<boolean> {
    const rows = await sql(manager, `DELETE ${OF_KEY} RETURNING id`, keyOf(key));
    return rows.length > 0;
  }

  /** Deletes configurations that ended some days ago, at most `limit`, and returns their number. */
  async deleteEnded(manager: EntityManager, days: number, limit: number): Promise<number> {
    return (await sql(manager, DELETE_ENDED, [days, limit])).length;
  }
}

const OF_KEY = 'FROM push_configs WHERE task_id = $1 AND owner = $2 AND id = $3';

function keyOf({ task_id, owner, id }: PushConfigKey): string[] {
  return [task_id, owner, id];
}

/** The lock of the task makes the count exact. */
const SAVE = statement<NewPushConfig & { limit: number; isFromStart: boolean }>(
  (value) => `
  ${insertSelect<NewPushConfig & { position: unknown }>('push_configs', {
    task_id: `${value.task_id}::uuid`,
    owner: `${value.owner}::text`,
    id: `${value.id}::varchar`,
    to_role: `${value.to_role}::varchar`,
    roles: `${value.roles}::text[]`,
    url: `${value.url}::text`,
    secret: `${value.secret}::bytea`,
    position: `CASE WHEN ${value.isFromStart}::boolean THEN 0 ELSE (SELECT last_position FROM event_log_head) END`,
  })}
   WHERE (SELECT count(*) FROM push_configs c
           WHERE c.task_id = ${value.task_id} AND c.owner = ${value.owner} AND c.id <> ${value.id})
         < ${value.limit}::integer
  ON CONFLICT (task_id, owner, id) DO UPDATE
     SET roles = excluded.roles, url = excluded.url, secret = excluded.secret, due_at = clock_timestamp(),
         attempts = 0, ended_at = NULL, version = push_configs.version + 1
  RETURNING *`,
);

const DELETE_ENDED = `
  DELETE FROM push_configs
   WHERE (task_id, owner, id) IN (
     SELECT task_id, owner, id FROM push_configs
      WHERE ended_at < clock_timestamp() - make_interval(days => $1) LIMIT $2)
  RETURNING id`;
