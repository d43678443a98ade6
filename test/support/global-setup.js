import { register } from 'node:module';
import { buildPrograms } from './build-programs.js';

register('./typescript-loader.js', import.meta.url);

/**
 * Starts one Postgres, finds one Redis and builds the programs that tests start, all for the whole run; each spec makes
 * databases of its own, as copies of one that is migrated here.
 */
export default async function setup() {
  const { createTestDatabase, MIGRATED, startTestPostgres } = await import('./postgres.ts');
  const { migrate } = await import('../../src/database/migrate.ts');
  const { testRedisUrl } = await import('./redis.ts');
  const [postgres, redis, programs] = await Promise.all([
    startTestPostgres(),
    testRedisUrl(),
    buildPrograms(),
  ]);
  await migrate(await createTestDatabase(postgres.url, MIGRATED));
  process.env.TEST_POSTGRES_URL = postgres.url;
  process.env.TEST_REDIS_URL = redis.url;
  process.env.TEST_PROGRAMS = programs.folder;
  globalThis.stopTestServers = () =>
    Promise.all([postgres.stop(), redis.stop(), programs.remove()]);
}
