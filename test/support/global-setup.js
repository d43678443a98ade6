import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPrograms } from './build-programs.js';
import { measureMachine } from './patience.js';

register('./typescript-loader.js', import.meta.url);

const WATCHDOG = fileURLToPath(new URL('watchdog.js', import.meta.url));

/**
 * Starts one Postgres, finds one Redis and builds the programs that tests start, all for the whole run; each spec makes
 * databases of its own, as copies of one that is migrated here, and servers of its own, as copies of this one. A watchdog ends everything if the run is killed.
 */
export default async function setup() {
  measureMachine();
  const watchdog = startWatchdog();
  const { copyCluster, createTestDatabase, MIGRATED, startNewPostgres } =
    await import('./postgres.ts');
  const { migrate } = await import('../../src/database/migrate.ts');
  const { testRedisUrl } = await import('./redis.ts');
  const { removeWithRun } = await import('./end-with-run.ts');
  const [postgres, redis, programs] = await Promise.all([
    startNewPostgres(),
    testRedisUrl(),
    buildPrograms(),
  ]);
  removeWithRun(programs.folder);
  await migrate(await createTestDatabase(postgres.url, MIGRATED));
  process.env.TEST_POSTGRES_CLUSTER = await copyCluster(postgres);
  process.env.TEST_POSTGRES_URL = postgres.url;
  process.env.TEST_REDIS_URL = redis.url;
  process.env.TEST_PROGRAMS = programs.folder;
  globalThis.stopTestServers = async () => {
    await Promise.all([postgres.stop(), redis.stop(), programs.remove()]);
    watchdog.stop();
  };
}

function startWatchdog() {
  const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-run-'));
  const file = join(folder, 'watched');
  writeFileSync(file, `${JSON.stringify({ folder })}\n`);
  process.env.TEST_WATCHED = file;
  // Ctrl-C and signals to the process group must not end it.
  const child = spawn(process.execPath, [WATCHDOG, file, String(process.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  child.stdin.unref();
  const stop = () => {
    child.stdin.end('done');
    rmSync(folder, { recursive: true, force: true });
  };
  return { stop };
}
