import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager, MigrationInterface } from 'typeorm';
import { CONNECTION_NAMES } from './database-options.js';

/** A migration during which no instance may work: an earlier version would fail on its schema, or skip a rule. */
interface StoppingMigration extends MigrationInterface {
  /** The reason, as the end of the sentence "The migration requires that all instances are stopped, because …". */
  readonly requiresStop: string;
}

/** Milliseconds in which every working instance records a heartbeat, also on a busy machine. */
const HEARTBEAT_WAIT_MS = 6_000;
const POLL_MS = 200;

/** Instances are connected during a migration that requires a stop. The message contains the fix. */
class InstancesConnectedError extends Error {
  constructor(message: string) {
    super(message);
    // `npm run migration:run` prints the stack.
    this.stack = message;
  }
}

/**
 * Refuses migrations that require a stop while an instance works with the database. An instance is found by the names of its
 * connections, which every role can read. If its URL names them otherwise, or a pooler does, it is found by its heartbeats.
 *
 * @throws InstancesConnectedError
 */
export async function assertInstancesStopped(
  manager: EntityManager,
  migrations: readonly MigrationInterface[],
): Promise<void> {
  const [stopping] = migrations.filter(requiresStop);
  if (!stopping) return;
  const connections = await manager.query<Connections[]>(CONNECTIONS, [
    [CONNECTION_NAMES.pool, CONNECTION_NAMES.notifications, CONNECTION_NAMES.previousRelease],
  ]);
  if (connections.length === 0 && !(await hasHeartbeats(manager))) return;
  const found = connections.map(toText).join(', ') || 'heartbeats of an instance';
  throw new InstancesConnectedError(
    `The migration ${nameOf(stopping)} requires that all instances are stopped, because ${stopping.requiresStop}. Found: ${found}. Stop them, migrate, and start instances of the new version.`,
  );
}

function requiresStop(migration: MigrationInterface): migration is StoppingMigration {
  return 'requiresStop' in migration && typeof migration.requiresStop === 'string';
}

export function nameOf(migration: MigrationInterface): string {
  return migration.name ?? migration.constructor.name;
}

interface Connections {
  readonly application_name: string;
  readonly client: string | null;
  readonly role: string | null;
  readonly count: number;
}

function toText({ application_name, client, role, count }: Connections): string {
  const from = client === null ? '' : ` from ${client}`;
  return `${count} × "${application_name}" of role ${role ?? 'unknown'}${from}`;
}

/** Whether an instance records a heartbeat within the time in which each working instance does. */
async function hasHeartbeats(manager: EntityManager): Promise<boolean> {
  const [table] = await manager.query<{ name: string | null }[]>(
    `SELECT to_regclass('service_heartbeat') AS name`,
  );
  if (!table?.name) return false;
  const latest = async () => (await manager.query<{ beat: string }[]>(LATEST_BEAT))[0]?.beat;
  const first = await latest();
  if (first === undefined) return false;
  for (let waited = 0; waited < HEARTBEAT_WAIT_MS; waited += POLL_MS) {
    await sleep(POLL_MS);
    if ((await latest()) !== first) return true;
  }
  return false;
}

const CONNECTIONS = `
  SELECT application_name, host(client_addr) AS client, usename AS role, count(*)::integer AS count
    FROM pg_catalog.pg_stat_activity
   WHERE datname = current_database() AND application_name = ANY ($1)
   GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`;

const LATEST_BEAT = `
  SELECT beat_at::text AS beat FROM service_heartbeat
   WHERE beat_at > clock_timestamp() - interval '1 minute'`;
