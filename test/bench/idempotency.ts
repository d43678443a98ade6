/**
 * What a key costs: routes tasks without a key, with a new key, and with a key that was used before, round by round in
 * one run, on a real Postgres, a real Redis and the built controller. Prints medians and their ratios.
 *
 *     node --import ./test/support/register-typescript.js test/bench/idempotency.ts [dist/src/main.js]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/database/free-port.js';
import { TEST_SECRET, tokenFor } from '../support/app.js';
import { createTestDatabase, startTestPostgres } from '../support/postgres.js';
import { startTestRedis } from '../support/redis.js';

const WARM_UP = 300;
const ROUNDS = 40;
const REQUESTS_PER_ROUND = 25;

/** What we aim for on a quiet machine, and what no machine excuses. */
const RATIOS = [
  { name: 'new key', aim: 1.5, bound: 4 },
  { name: 'replay', aim: 0.3, bound: 1.5 },
] as const;

const BODY = JSON.stringify({
  target: 'manager',
  task: { task_type: 'notification', description: 'bench', data: { amount: 50_000 } },
});
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const [postgres, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
try {
  const port = await freePort();
  const database = await createTestDatabase(postgres.url);
  const controller = startController(process.argv[2] ?? 'dist/src/main.js', {
    PORT: String(port),
    HOST: '127.0.0.1',
    DATABASE_URL: database,
    MIGRATE_ON_START: 'true',
    REDIS_URL: redis.url,
    JWT_SECRET: TEST_SECRET,
    LOG_LEVEL: 'error',
    RATE_LIMIT_ENABLED: 'false',
  });
  const ended = once(controller, 'close');
  try {
    await answering(port, controller);
    process.exitCode = judge(await measure(port)) ? 0 : 1;
  } finally {
    agent.destroy();
    controller.kill();
    await ended;
  }
} finally {
  await Promise.all([postgres.stop(), redis.stop()]);
}

type Case = 'no key' | (typeof RATIOS)[number]['name'];

/** Milliseconds per request, one client after the other. */
async function measure(port: number): Promise<Record<Case, number[]>> {
  const token = tokenFor('finance');
  const used = randomUUID();
  const route = (status: number, key?: string): Promise<number> => post(port, token, status, key);
  const cases: Record<Case, () => Promise<number>> = {
    'no key': () => route(202),
    'new key': () => route(202, randomUUID()),
    replay: () => route(200, used),
  };
  await route(202, used);
  const times: Record<Case, number[]> = { 'no key': [], 'new key': [], replay: [] };
  for (let n = 0; n < WARM_UP; n += 1) for (const send of Object.values(cases)) await send();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of ['no key', 'new key', 'replay'] as const) {
      for (let n = 0; n < REQUESTS_PER_ROUND; n += 1) times[name].push(await cases[name]());
    }
  }
  return times;
}

/** Prints what was measured; tells whether it is within the bounds. */
function judge(times: Record<Case, number[]>): boolean {
  const base = median(times['no key']);
  write(`no key   ${base.toFixed(2)} ms`);
  let kept = true;
  for (const { name, aim, bound } of RATIOS) {
    const each = median(times[name]);
    const ratio = each / base;
    kept &&= ratio <= bound;
    const ratios = `${ratio.toFixed(2)} x no key (aim ${aim}, bound ${bound})`;
    write(`${name.padEnd(8)} ${each.toFixed(2)} ms = ${ratios}`);
  }
  return kept;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Routes one task, and gives how many milliseconds that took. */
async function post(port: number, token: string, expected: number, key?: string): Promise<number> {
  const started = performance.now();
  const sent = request({
    agent,
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/tasks/route',
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(BODY),
      Authorization: `Bearer ${token}`,
      ...(key !== undefined && { 'Idempotency-Key': key }),
    },
  });
  sent.end(BODY);
  const [response] = (await once(sent, 'response')) as [
    NodeJS.ReadableStream & { statusCode: number },
  ];
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== expected) throw new Error(`answered ${response.statusCode}`);
  return performance.now() - started;
}

function startController(main: string, environment: Record<string, string>): ChildProcess {
  const env = { ...process.env, ...environment };
  return spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

async function answering(port: number, controller: ChildProcess): Promise<void> {
  while (controller.exitCode === null) {
    const health = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (health?.ok) return;
    await sleep(100);
  }
  throw new Error('The controller did not start; is it built? `npm run build`');
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
