import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import type { TestRedis } from '../../support/redis.js';
import { until } from '../../support/eventually.js';
import {
  clusterArguments,
  INSTANT_MS,
  MAX_CALL_MS,
  RedisCaches,
  operate,
  slowestCall,
  useRedisCaches,
  works,
} from '../../support/redis-caches.js';
import { patient } from '../../support/patience.js';

describe('RedisCache with a Redis cluster', () => {
  const redises = useRedisCaches();

  describe('that stays up', () => {
    const cluster = new RedisCaches();
    let node: TestRedis;

    beforeAll(async () => {
      node = await cluster.startCluster();
    });

    afterAll(() => cluster.stop());

    it('keeps values under keys of any slot', async () => {
      const sut = await redises.connected(node.url, node.url);
      const keys = Array.from({ length: 50 }, (_, index) => `idempotency:key-${index}`);
      await Promise.all(keys.map((key) => sut.set(key, key, 60)));
      expect(await Promise.all(keys.map((key) => sut.get(key)))).toEqual(keys);
    });

    it('connects through the other nodes when one is down', async () => {
      expect(await works(await redises.connected('redis://127.0.0.1:1', node.url))).toBe(true);
    });

    it('authenticates to all nodes with the password of the first URL', async () => {
      await operate(node, (client) => client.config('SET', 'requirepass', 'secret'));
      const url = node.url.replace('//', '//:secret@');
      try {
        expect(
          await works(await redises.connected(url.replace('127.0.0.1', 'localhost'), url)),
        ).toBe(true);
      } finally {
        await operate({ ...node, url }, (client) => client.config('SET', 'requirepass', ''));
      }
    });
  });

  it('misses at once while it is down, and works after its restart', async () => {
    const node = await redises.startCluster();
    const sut = await redises.connected(node.url, node.url);
    node.kill('SIGKILL');
    await until(async () => (await sut.ping()) === 'disconnected');
    expect(await slowestCall(20, sut)).toBeLessThan(patient(INSTANT_MS));
    await node.restart();
    await until(() => works(sut));
  });

  it('lets three requests wait while it hangs, and works when it continues', async () => {
    const node = await redises.startCluster();
    const sut = await redises.connected(node.url, node.url);
    await sut.set('key', 'value', 60);
    redises.pause(node);
    expect(await slowestCall(3, sut)).toBeLessThan(patient(MAX_CALL_MS));
    expect(await slowestCall(20, sut)).toBeLessThan(patient(INSTANT_MS));
    await sleep(2000);
    node.kill('SIGCONT');
    await until(async () => (await sut.get('key')) === 'value', 3500);
  });

  it('misses at once while a slot has no node', async () => {
    const node = await redises.startCluster();
    const sut = await redises.connected(node.url, node.url);
    await operate(node, (client) => client.cluster('DELSLOTS', 0));
    expect(await slowestCall(20, sut)).toBeLessThan(patient(MAX_CALL_MS));
    expect(await sut.get('key')).toBeUndefined();
    await operate(node, (client) => client.cluster('ADDSLOTS', 0));
    await until(() => works(sut));
  });

  it('misses when the URL names one node that does not have the slot', async () => {
    const node = await redises.start(...clusterArguments(await freePort()));
    const sut = await redises.connected(node.url);
    for (let made = 0; made < 5; made++) expect(await sut.get('key')).toBeUndefined();
    expect(redises.warnings).toHaveLength(1);
  });
});
