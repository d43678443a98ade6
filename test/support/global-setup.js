import { register } from 'node:module';
import { buildPrograms } from './programs.js';

register('./typescript-loader.js', import.meta.url);

/**
 * Starts one Postgres, finds one Redis and builds the programs that tests start, all for the whole run; each spec makes
 * databases of its own.
 */
export default async function setup() {
  const { startTestPostgres } = await import('./postgres.ts');
  const { testRedisUrl } = await import('./redis.ts');
  const [postgres, redis, programs] = await Promise.all([
    startTestPostgres(),
    testRedisUrl(),
    buildPrograms(),
  ]);
  process.env.TEST_POSTGRES_URL = postgres.url;
  process.env.TEST_REDIS_URL = redis.url;
  process.env.TEST_PROGRAMS = programs.folder;
  globalThis.stopTestServers = () =>
    Promise.all([postgres.stop(), redis.stop(), programs.remove()]);
}
