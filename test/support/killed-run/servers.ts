import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from '@jest/globals';
import { newDatabase } from '../app.js';
import { ControllerProcess } from '../controller-process.js';
import { startTestPostgres } from '../postgres.js';
import { startTestRedis } from '../redis.js';

it('starts servers and controllers, one of which is paused', async () => {
  const databaseUrl = await newDatabase();
  const [postgres, redis, paused, main] = await Promise.all([
    startTestPostgres(),
    startTestRedis(),
    ControllerProcess.start({ databaseUrl }),
    ControllerProcess.startMain({ DATABASE_URL: databaseUrl }),
  ]);
  paused.kill('SIGSTOP');
  const pids = [process.pid, postgres.pid, redis.pid, paused.pid, main.pid];
  const shared = [process.env.TEST_POSTGRES_URL, process.env.TEST_REDIS_URL];
  const started = { pids, folders: [postgres.dataDir, process.env.TEST_PROGRAMS], shared };
  appendFileSync(process.env.KILLED_RUN ?? '', JSON.stringify(started));
  await sleep(300_000);
}, 300_000);
