import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import {
  budget,
  caller,
  expectReplay,
  isReplay,
  keyHeader,
  rowCounts,
} from '../../support/idempotency.js';
import { expectProblem } from '../../support/kit.js';
import { RedisBackedApp } from '../../support/redis-backed-app.js';

describe('idempotency keys with an unexpected value in Redis', () => {
  const app = new RedisBackedApp();

  afterAll(() => app.end());

  beforeAll(async () => {
    app.begin();
    await app.start();
    await app.untilReplayedFromRedis();
  });

  const withMembers = (changes: Record<string, unknown>) => (value: string) =>
    JSON.stringify({ ...Object(JSON.parse(value)), ...changes } as object);

  it.each<[string, (value: string) => string]>([
    ['an empty value', () => ''],
    ['garbage', () => 'garbage'],
    ['a truncated value', (value) => value.slice(0, -20)],
    ['null', () => 'null'],
    ['a list', () => '[]'],
    ['an empty object', () => '{}'],
    ['a value that is too large', (value) => value + ' '.repeat(3 * 1024 * 1024)],
    ['the value of another version', withMembers({ v: 2 })],
    [
      'a response of another scope',
      withMembers({ scope: 'ab'.repeat(32), body: '{"stolen":true}' }),
    ],
    [
      'a response to another body',
      withMembers({ fingerprint: 'ab'.repeat(32), body: '{"other":1}' }),
    ],
    ['an expired response', withMembers({ expires_at: Date.now() - 1, body: '{"old":1}' })],
    ['a failure', withMembers({ status: 500, body: '{"code":"server.error"}' })],
    ['a body that is not a string', withMembers({ body: { task_id: 'x' } })],
  ])('replays from Postgres: %s', async (_, tamper) => {
    const key = randomUUID();
    const first = await app.route(key);
    await app.untilStored(key);
    const name = app.keyName(key);
    await app.operate(async (client) => client.set(name, tamper((await client.get(name)) ?? '')));
    const sources = await app.sourcesOf(async () => {
      expectReplay(await app.route(key), first);
    });
    expect(sources).toEqual({ redis: 0, postgres: 1, memory: 0 });
    expectProblem(await app.route(key, 2), 422, 'idempotency.payload_mismatch');
  });

  it.each<[string, (client: Redis, name: string) => Promise<unknown>]>([
    ['a list', (client, name) => client.lpush(name, 'a')],
    ['a hash', (client, name) => client.hset(name, 'a', '1')],
    ['a stream', (client, name) => client.xadd(name, '*', 'a', '1')],
    ['garbage', (client, name) => client.set(name, '\u0000\ufffd{"v":1}')],
  ])('runs a new request and replays it: %s', async (_, put) => {
    const key = randomUUID();
    await app.operate((client) => put(client, app.keyName(key)));
    const before = await rowCounts(app.mesh);
    const first = await app.route(key);
    expect([first.status, isReplay(first)]).toEqual([202, false]);
    expectReplay(await app.route(key), first);
    expect(await rowCounts(app.mesh)).toMatchObject({ tasks: (before?.tasks ?? 0) + 1 });
  });

  it('keeps the responses of two callers with one key apart', async () => {
    const key = randomUUID();
    const another = caller(app.mesh);
    const mine = await app.route(key);
    const theirs = await another.post('/tasks/route', budget(2), keyHeader(key));
    expect([mine.status, theirs.status]).toEqual([202, 202]);
    for (let made = 0; made < 3; made++) {
      expectReplay(await app.route(key), mine);
      expectReplay(await another.post('/tasks/route', budget(2), keyHeader(key)), theirs);
    }
  });
});
