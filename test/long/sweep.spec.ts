import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ExpiryService } from '../../src/lifecycle/expiry.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { insertOverdueSessions } from '../support/insert-tasks.js';
import { Team, repeat } from '../support/work.js';

const OVERDUE = 1_000_000;
const WARM_UP = 200;
/** The application lets no statement run longer. */
const MOST_MS = 5_000;
/** A gross bound on how much slower writers may be meanwhile, on a busy machine with few cores. */
const MOST_SLOWDOWN = 20;

let mesh: TestApp;
let team: Team;

beforeAll(async () => {
  mesh = await startTestApp();
  team = new Team(mesh);
  await insertOverdueSessions(mesh, OVERDUE);
}, 600_000);

afterAll(() => mesh.close());

it(`expires ${OVERDUE} overdue sessions in batches, beside writers`, async () => {
  const alone: number[] = [];
  await repeat(WARM_UP, () => write([]));
  await repeat(WARM_UP, () => write(alone));

  const batches: number[] = [];
  const beside: number[] = [];
  const swept = new AbortController();
  const sweep = sweepAll(batches).finally(() => {
    swept.abort();
  });
  while (!swept.signal.aborted) await write(beside);
  expect(await sweep).toBe(OVERDUE);

  const [longest, slowdown] = [Math.max(...batches), median(beside) / median(alone)];
  print(`${batches.length} batches, the longest took ${longest.toFixed(0)} ms`);
  print(`${(batches.reduce((sum, ms) => sum + ms) / 1000).toFixed(1)} s in all`);
  print(
    `routing alone: median ${median(alone).toFixed(1)} ms, beside it ${median(beside).toFixed(1)} ms`,
  );
  print(
    `at most ${Math.max(...alone).toFixed(0)} ms alone, ${Math.max(...beside).toFixed(0)} ms beside it`,
  );
  expect(longest).toBeLessThan(MOST_MS);
  expect(slowdown).toBeLessThan(MOST_SLOWDOWN);
  const [row] = await mesh.query<{ events: number }>(EVENTS);
  expect(row?.events).toBe(OVERDUE);
}, 900_000);

async function write(took: number[]): Promise<void> {
  const started = performance.now();
  await team.route();
  took.push(performance.now() - started);
}

async function sweepAll(took: number[]): Promise<number> {
  const expiry = mesh.app.get(ExpiryService);
  for (let expired = 0; ;) {
    const started = performance.now();
    const found = await expiry.sweep();
    if (found === 0) return expired;
    took.push(performance.now() - started);
    expired += found;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function print(line: string): void {
  process.stdout.write(`    ${line}\n`);
}

const EVENTS = `
  SELECT count(*)::integer AS events FROM audit_events
   WHERE metadata ->> 'reason' = 'retention' AND role = 'system'`;
