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
import { withClient } from './catalog.js';
import { TABLE_WAITS } from './lock-waits.js';

/** Misses every key. */
class EmptyRedis extends RedisCacheService {
  constructor() {
    super([]);
  }

  override get(): Promise<null> {
    return Promise.resolve(null);
  }
}

/** An idempotency key has the same effect with each of these. */
export const REDISES: Record<string, TestAppOptions> = {
  'Postgres alone': {},
  'Redis in front of Postgres': { env: { REDIS_URL: process.env.TEST_REDIS_URL ?? '' } },
  'a Redis that forgets at once': {
    override: (builder) =>
      builder.overrideProvider(RedisCacheService).useFactory({ factory: () => new EmptyRedis() }),
  },
};

export const describeWithEachRedis = describe.each(Object.entries(REDISES));

/** An `Idempotency-Key` header, with a new key unless one is given. */
export function keyHeader(key: string = randomUUID()): Record<string, string> {
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

/** A caller with a subject of its own and these roles, the first one its default. It does not retry 503. */
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

/** Expects the response to an earlier request, byte by byte. */
export function expectReplay(retry: Answer, first: Answer): void {
  expect({ status: retry.status, text: retry.text }).toEqual({ status: 200, text: first.text });
  expect(isReplay(retry)).toBe(true);
  expect(retry.headers.get('content-type')).toBe(first.headers.get('content-type'));
}

/** Expects that the work writes no row. */
export async function expectNoEffect<T>(app: TestApp, work: () => Promise<T>): Promise<T> {
  const before = await rowCounts(app);
  const result = await work();
  expect(await rowCounts(app)).toEqual(before);
  return result;
}

/** Creates a session of a role; returns its id, path and ETag. */
export async function newSession(client: Client, role = 'finance') {
  const { body, headers } = await client.post<{ id: string }>('/sessions', { role });
  return { id: body.id, path: `/sessions/${body.id}`, etag: headers.get('etag') ?? '' };
}

/** The number of rows that requests create, without events of denied calls. */
export async function rowCounts({ databaseUrl }: Pick<TestApp, 'databaseUrl'>) {
  return withClient(databaseUrl, async (client) => {
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

/** A lock on a table, for which requests wait in their transaction. */
export interface TableLock {
  /** Waits until this many statements wait for the lock. */
  waiters(count: number): Promise<void>;
  /** Ends the connections of the waiting statements. */
  endWaiters(): Promise<void>;
  release(): Promise<void>;
}

/** Locks a table against writes. */
export async function lockTable({ databaseUrl }: TestApp, table: string): Promise<TableLock> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE ${pg.escapeIdentifier(table)} IN SHARE MODE`);
  const waiting = async (): Promise<number> => {
    const { rows } = await client.query(TABLE_WAITS, [table]);
    return rows.length;
  };
  return {
    waiters: (count) => until(async () => (await waiting()) === count),
    endWaiters: async () => {
      await client.query(`SELECT pg_terminate_backend(pid) FROM (${TABLE_WAITS}) w`, [table]);
    },
    release: () => client.end(),
  };
}

/** The number of answers by status. */
export function statuses(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Sends a request with header lines that client libraries refuse to send. */
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
