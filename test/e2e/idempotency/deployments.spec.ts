import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { newDatabase, newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { until } from '../../support/eventually.js';
import { budget, caller, expectReplay, isReplay, keyHeader } from '../../support/idempotency.js';
import { times } from '../../support/kit.js';
import { createTestDatabase, dropTestDatabase } from '../../support/postgres.js';
import { startTestRedis, type TestRedis } from '../../support/redis.js';

describe('two deployments with one Redis', () => {
  let redis: TestRedis;
  let sub: string;
  const stops: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    redis = await startTestRedis();
    stops.push(() => redis.stop());
    sub = newSubject('finance');
  });

  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  async function database(copyOf?: string): Promise<string> {
    const url =
      copyOf === undefined
        ? await newDatabase()
        : await createTestDatabase(copyOf, undefined, nameOf(copyOf));
    stops.push(() => dropTestDatabase(url));
    return url;
  }

  async function start(databaseUrl: string, env: Record<string, string> = {}): Promise<TestApp> {
    const mesh = await startTestApp({ databaseUrl, env: { REDIS_URL: redis.url, ...env } });
    let isOpen = true;
    stops.push(() => (isOpen ? mesh.close() : Promise.resolve()));
    await untilCached(mesh);
    return {
      ...mesh,
      close: () => {
        isOpen = false;
        return mesh.close();
      },
    };
  }

  const finance = (mesh: TestApp) => caller(mesh, 'finance', sub);

  const route = (mesh: TestApp, key: string) =>
    finance(mesh).post<{ task_id: string }>('/tasks/route', budget(), keyHeader(key));

  const keys = async (): Promise<string[]> => {
    const client = new Redis(redis.url);
    try {
      return await client.keys('*');
    } finally {
      client.disconnect();
    }
  };

  /** Waits until replays of an application come from Redis. */
  async function untilCached(mesh: TestApp): Promise<void> {
    await until(async () => {
      const key = randomUUID();
      await route(mesh, key);
      return (await keys()).some((name) => name.endsWith(`idempotency:${key}`));
    });
  }

  it('execute a request with the same key, caller and body once each', async () => {
    const meshes = [await start(await database()), await start(await database())];
    const key = randomUUID();
    const firsts = await Promise.all(meshes.map((mesh) => route(mesh, key)));
    expect(firsts.map((first) => [first.status, isReplay(first)])).toEqual([
      [202, false],
      [202, false],
    ]);
    await until(async () => (await keys()).filter((name) => name.endsWith(key)).length === 2);
    for (const [index, mesh] of meshes.entries()) {
      for (const first of firsts.slice(index, index + 1)) {
        expectReplay(await route(mesh, key), first);
        expect((await finance(mesh).get(`/tasks/${first.body.task_id}`)).status).toBe(200);
      }
    }
  });

  it('execute a change of the same session once each, after one database is copied', async () => {
    const original = await database();
    const before = await start(original);
    const created = await finance(before).post<{ id: string }>('/sessions', { role: 'finance' });
    await before.close();
    const one = await start(await database(original));
    const other = await start(original);
    const key = randomUUID();
    const change = (mesh: TestApp) =>
      finance(mesh).put(`/sessions/${created.body.id}`, { metadata: { step: 1 } }, keyHeader(key));
    const first = await change(one);
    await until(async () => (await keys()).some((name) => name.endsWith(key)));
    const second = await change(other);
    expect([first, second].map((answer) => [answer.status, isReplay(answer)])).toEqual([
      [200, false],
      [200, false],
    ]);
    expectReplay(await change(one), first);
    expectReplay(await change(other), second);
    const [row] = await other.query('SELECT metadata FROM sessions WHERE id = $1', [
      created.body.id,
    ]);
    expect(row).toEqual({ metadata: { step: 1 } });
  });

  it('replay a request from before the copy by the record in their own database', async () => {
    const original = await database();
    const before = await start(original);
    const key = randomUUID();
    const first = await route(before, key);
    await before.close();
    const copy = await start(await database(original));
    expectReplay(await route(copy, key), first);
    expect((await finance(copy).get(`/tasks/${first.body.task_id}`)).status).toBe(200);
  });

  it('count the requests of a subject apart', async () => {
    const env = { RATE_LIMIT_ENABLED: 'true', RATE_LIMIT_SUBJECT: '5' };
    const one = await start(await database(), env);
    const other = await start(await database(), env);
    const statuses = await Promise.all(
      times(60, async () => (await finance(one).get('/me')).status),
    );
    expect(statuses).toContain(429);
    expect((await finance(other).get('/me')).status).toBe(200);
    expect((await keys()).filter((name) => name.includes(`rate:subject:`))).toHaveLength(2);
  });

  it('have names of keys with the prefix and an id of 32 digits', async () => {
    const env = { RATE_LIMIT_ENABLED: 'true', REDIS_KEY_PREFIX: 'staging/' };
    const mesh = await start(await database(), env);
    const key = randomUUID();
    await route(mesh, key);
    await until(async () => (await keys()).some((name) => name.endsWith(`:idempotency:${key}`)));
    for (const name of await keys())
      expect(name).toMatch(/^staging\/[0-9a-f]{32}:(idempotency|rate):/);
  });

  it('do not use the entries of a database that was replaced by an earlier copy of itself', async () => {
    const url = await database();
    const backup = await database(url);
    const mesh = await start(url);
    const key = randomUUID();
    const lost = await route(mesh, key);
    await until(async () => (await keys()).some((name) => name.endsWith(key)));
    await dropTestDatabase(url);
    await createTestDatabase(backup, nameOf(url), nameOf(backup));
    await until(async () => (await finance(mesh).get('/health')).body.database === 'connected');
    await untilCached(mesh);
    const again = await route(mesh, key);
    expect([again.status, isReplay(again)]).toEqual([202, false]);
    expect(again.body.task_id).not.toBe(lost.body.task_id);
    expect((await finance(mesh).get(`/tasks/${again.body.task_id}`)).status).toBe(200);
  });

  it('do not use the entries from before the operator changed the id', async () => {
    const url = await database();
    const mesh = await start(url);
    const key = randomUUID();
    const first = await route(mesh, key);
    const named = async () => (await keys()).filter((name) => name.endsWith(key)).length;
    await until(async () => (await named()) === 1);
    await withClient(url, (client) =>
      client.query('UPDATE deployment SET deployment_id = gen_random_uuid()'),
    );
    await until(async () => {
      expectReplay(await route(mesh, key), first);
      return (await named()) === 2;
    });
  });
});

function nameOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}
