import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect } from '@jest/globals';
import pg from 'pg';
import { RedisCacheService } from '../../src/redis/redis-cache.service.js';
import {
  newSubject,
  type TestApp,
  type TestAppOptions,
  tokenFor,
  tokenWithoutDefaultRole,
} from './app.js';
import { type Answer, Client } from './client.js';
import { until } from './eventually.js';

/** Has nothing under any key, and says so: every key is believed to be new. */
class ForgetfulRedis extends RedisCacheService {
  constructor() {
    super([]);
  }

  override get(): Promise<null> {
    return Promise.resolve(null);
  }
}

/** Whatever Redis is, a key means the same. */
export const REDISES: Record<string, TestAppOptions> = {
  'Postgres alone': {},
  'Redis in front of Postgres': { env: { REDIS_URL: process.env.TEST_REDIS_URL ?? '' } },
  'a Redis that forgets at once': {
    override: (builder) =>
      builder
        .overrideProvider(RedisCacheService)
        .useFactory({ factory: () => new ForgetfulRedis() }),
  },
};

export const describeWithEachRedis = describe.each(Object.entries(REDISES));

/** The header that makes a retry safe, with a key that nobody else has unless one is given. */
export function keyed(key: string = randomUUID()): Record<string, string> {
  return { 'Idempotency-Key': key };
}

/** A body for `POST /tasks/route`. */
export function budget(amount = 50_000) {
  return {
    target: 'manager',
    task: { task_type: 'budget_approval', description: 'Q3', data: { amount } },
    context: {},
  };
}

/** A caller that nobody else is, holding these roles; the first one is its default. */
export function caller(
  { url }: TestApp,
  roles: string | readonly string[] = 'finance',
  sub = newSubject('agent'),
): Client {
  return new Client(url, tokenFor(roles, sub), false);
}

/** The same without a default role, as identity providers issue tokens. */
export function callerWithoutDefault({ url }: TestApp, roles: string[], sub: string): Client {
  return new Client(url, tokenWithoutDefaultRole(roles, sub), false);
}

export function isReplay({ headers }: Answer): boolean {
  return headers.get('idempotent-replayed') === 'true';
}

/** Expects the answer to an earlier request, byte by byte. */
export function expectReplay(retry: Answer, first: Answer): void {
  expect({ status: retry.status, text: retry.text }).toEqual({ status: 200, text: first.text });
  expect(isReplay(retry)).toBe(true);
  expect(retry.headers.get('content-type')).toBe(first.headers.get('content-type'));
}

export function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer).toMatchObject({ status, body: { code } });
  expect(isReplay(answer)).toBe(false);
}

/** Expects that nothing at all is written meanwhile. */
export async function withoutEffect<T>(app: TestApp, work: () => Promise<T>): Promise<T> {
  const before = await rowCounts(app);
  const result = await work();
  expect(await rowCounts(app)).toEqual(before);
  return result;
}

/** A new session of a role, with its tag. */
export async function newSession(client: Client, role = 'finance') {
  const { body, headers } = await client.post<{ id: string }>('/sessions', { role });
  return { id: body.id, path: `/sessions/${body.id}`, etag: headers.get('etag') ?? '' };
}

/** How many rows there are of everything that a request can make; denied calls are left out. */
export async function rowCounts({ databaseUrl }: Pick<TestApp, 'databaseUrl'>) {
  return operate(databaseUrl, async (client) => {
    const { rows } = await client.query<Record<string, number>>(`
      SELECT (SELECT count(*)::int FROM tasks) AS tasks,
             (SELECT count(*)::int FROM sessions) AS sessions,
             (SELECT count(*)::int FROM approvals) AS approvals,
             (SELECT count(*)::int FROM audit_events WHERE event_type <> 'access_denied') AS events,
             (SELECT count(*)::int FROM idempotency_records) AS records`);
    return rows[0];
  });
}

/** The values of the idempotency metrics by name, or by source for hits. */
export async function idempotencyMetrics(app: TestApp): Promise<Record<string, number>> {
  const { text } = await caller(app, 'auditor').get('/metrics');
  const lines = text.matchAll(/^idempotency_(\w+)_total(?:\{source="(\w+)"\})? (\d+)$/gm);
  return Object.fromEntries(
    [...lines].map(([, name = '', source, value]) => [source ?? name, Number(value)]),
  );
}

/** Runs work on a connection that is not the application's. */
export async function operate<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A lock that keeps requests waiting in the middle of their transaction. */
export interface Hold {
  /** Comes back when as many statements as told wait for the lock. */
  waiters(count: number): Promise<void>;
  /** Ends the connections of those who wait, as an operator or a failover would. */
  endWaiters(): Promise<void>;
  release(): Promise<void>;
}

/** Keeps everybody from writing to a table. */
export async function holdTable({ databaseUrl }: TestApp, table: string): Promise<Hold> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE ${pg.escapeIdentifier(table)} IN SHARE MODE`);
  const waiting = async (): Promise<number> => {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int FROM pg_locks WHERE NOT granted AND relation = $1::regclass`,
      [table],
    );
    return rows[0]?.count ?? 0;
  };
  return {
    waiters: (count) => until(async () => (await waiting()) === count),
    endWaiters: async () => {
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND relation = $1::regclass`,
        [table],
      );
    },
    release: () => client.end(),
  };
}

/** How many answers there are of each status. */
export function statuses(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Sends a request with header lines that no client library would send, and gives the status and the rest. */
export async function sendRaw(
  { url }: TestApp,
  requestLine: string,
  headers: readonly string[],
  body: unknown,
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  const content = body === undefined ? '' : JSON.stringify(body);
  const head = [
    `${requestLine} HTTP/1.1`,
    `Host: ${hostname}`,
    'Connection: close',
    ...(body === undefined ? [] : ['Content-Type: application/json']),
    `Content-Length: ${Buffer.byteLength(content)}`,
    ...headers,
  ];
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(`${head.join('\r\n')}\r\n\r\n${content}`, 'latin1');
  await once(socket, 'close');
  const text = Buffer.concat(chunks).toString();
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]), text };
}
