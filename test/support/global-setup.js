import { register } from 'node:module';

register('./typescript-loader.js', import.meta.url);

/** Starts one Postgres and finds one Redis for the whole run; each spec makes databases of its own. */
export default async function setup() {
  const { startTestPostgres } = await import('./postgres.ts');
  const { testRedisUrl } = await import('./redis.ts');
  const [postgres, redis] = await Promise.all([startTestPostgres(), testRedisUrl()]);
  process.env.TEST_POSTGRES_URL = postgres.url;
  process.env.TEST_REDIS_URL = redis.url;
  globalThis.stopTestServers = () => Promise.all([postgres.stop(), redis.stop()]);
}
