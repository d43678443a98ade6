import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/eventually.js';
import {
  INSTANT_MS,
  MAX_CALL_MS,
  milliseconds,
  operate,
  slowestCall,
  useRedisCaches,
  works,
} from '../../support/redis-caches.js';
import { patient } from '../../support/patience.js';

describe('RedisCache with a real Redis', () => {
  const redises = useRedisCaches();

  it('keeps a value until it expires', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    expect(await sut.get('idempotency:key')).toBeNull();
    await sut.set('idempotency:key', 'välue', 86_400);
    expect(await sut.get('idempotency:key')).toBe('välue');
    const ttl = await operate(redis, (client) => client.ttl('idempotency:key'));
    expect(ttl).toBeGreaterThan(86_390);
    expect(ttl).toBeLessThanOrEqual(86_400);
  });

  it('connects when Redis starts later', async () => {
    const redis = await redises.start();
    redis.kill('SIGKILL');
    const sut = redises.cacheOf(redis.url);
    await sleep(300);
    expect(await sut.ping()).toBe('disconnected');
    await redis.restart();
    await until(() => works(sut));
  });

  it('misses at once while Redis is down, and works after its restart', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    await sut.set('key', 'value', 60);
    redis.kill('SIGKILL');
    await until(async () => (await sut.ping()) === 'disconnected');
    expect(await slowestCall(20, sut)).toBeLessThan(patient(INSTANT_MS));
    await redis.restart();
    await until(() => works(sut));
  });

  it('lets at most three requests wait while Redis hangs, and works when it continues', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    await sut.set('key', 'value', 60);
    redises.pause(redis);
    expect(await slowestCall(3, sut)).toBeLessThan(patient(MAX_CALL_MS));
    expect([sut.reads.state, sut.writes.state]).toEqual(['open', 'open']);
    expect(await slowestCall(20, sut)).toBeLessThan(patient(INSTANT_MS));
    expect(await milliseconds(() => sut.ping())).toBeLessThan(patient(MAX_CALL_MS));
    // However long it hangs, no call waits longer.
    const end = performance.now() + 3000;
    while (performance.now() < end) {
      expect(await slowestCall(1, sut)).toBeLessThan(patient(MAX_CALL_MS));
      await sleep(20);
    }
    redis.kill('SIGCONT');
    await until(async () => (await sut.get('key')) === 'value', 2500);
    await until(() => works(sut), 2500);
    expect(redises.warnings).toHaveLength(1);
  });

  it('lets concurrent requests wait no longer than one', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    redises.pause(redis);
    const all = () => Promise.all(Array.from({ length: 50 }, () => sut.get('key')));
    expect(await milliseconds(all)).toBeLessThan(patient(MAX_CALL_MS));
  });

  it('closes at once while Redis hangs', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    redis.kill('SIGSTOP');
    const waiting = sut.get('key');
    sut.onApplicationShutdown();
    expect(await milliseconds(() => waiting)).toBeLessThan(patient(MAX_CALL_MS));
    expect(await sut.get('key')).toBeUndefined();
    redis.kill('SIGCONT');
  });

  it('stores a value that was set just before closing', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    const kept = sut.set('key', 'value', 60);
    sut.onApplicationShutdown();
    await kept;
    await until(() => operate(redis, async (client) => (await client.get('key')) === 'value'));
  });

  it('misses with a wrong password, and does not log it', async () => {
    const redis = await redises.start('--requirepass', 'the-right-one');
    const sut = redises.cacheOf(redis.url.replace('//', '//:the-wrong-one@'));
    await until(() => redises.warnings.length > 0);
    // Further attempts to connect log nothing.
    await sleep(1000);
    expect(await sut.ping()).toBe('disconnected');
    expect(await slowestCall(20, sut)).toBeLessThan(patient(INSTANT_MS));
    expect(redises.warnings).toEqual([expect.stringContaining('WRONGPASS')]);
    expect(redises.warnings.join()).not.toMatch(/the-(wrong|right)-one/);
  });

  it('misses without the required password', async () => {
    const redis = await redises.start('--requirepass', 'the-right-one');
    const sut = redises.cacheOf(redis.url);
    await until(() => redises.warnings.length > 0);
    expect(await sut.ping()).toBe('disconnected');
    expect(redises.warnings).toEqual([expect.stringContaining('NOAUTH')]);
  });

  it('authenticates with the decoded password of the URL', async () => {
    const redis = await redises.start('--requirepass', 'p@ss/wörd');
    const url = redis.url.replace('//', `//:${encodeURIComponent('p@ss/wörd')}@`);
    expect(await works(await redises.connected(url))).toBe(true);
  });

  it('reads while the memory of Redis is full', async () => {
    const redis = await redises.start('--maxmemory-policy', 'noeviction');
    const sut = await redises.connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.config('SET', 'maxmemory', '1'));
    for (let made = 0; made < 5; made++) await sut.set('other', 'value', 60);
    expect(await sut.get('other')).toBeNull();
    expect(await sut.get('key')).toBe('value');
    expect([sut.reads.state, sut.writes.state]).toEqual(['closed', 'open']);
    expect(redises.warnings).toEqual([expect.stringContaining('OOM')]);
    await operate(redis, (client) => client.config('SET', 'maxmemory', '0'));
    await until(() => works(sut));
  });

  it('reads from a read-only replica', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.replicaof('127.0.0.1', 1));
    for (let made = 0; made < 5; made++) await sut.set('key', 'other', 60);
    expect(await sut.get('key')).toBe('value');
    expect([sut.reads.state, sut.writes.state]).toEqual(['closed', 'open']);
    expect(redises.warnings).toEqual([expect.stringContaining('READONLY')]);
    await operate(redis, (client) => client.replicaof('NO', 'ONE'));
    await until(() => works(sut));
  });

  it('misses a key of another type only', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.lpush('list', 'a'));
    for (let made = 0; made < 5; made++) expect(await sut.get('list')).toBeUndefined();
    expect(await sut.get('key')).toBe('value');
    await sut.set('list', 'now a text', 60);
    expect(await sut.get('list')).toBe('now a text');
    expect(redises.warnings).toEqual([]);
  });

  it('misses flushed keys', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.flushall());
    expect(await sut.get('key')).toBeNull();
    expect(await works(sut)).toBe(true);
  });

  it('reconnects after Redis has closed the connection', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    await operate(redis, (client) => client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
    await until(() => works(sut));
  });
});
