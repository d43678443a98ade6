import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { until } from '../../support/eventually.js';
import {
  INSTANT_MS,
  operate,
  slowestCall,
  useRedisCaches,
  works,
} from '../../support/redis-caches.js';
import type { TestRedis } from '../../support/redis.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { patient } from '../../support/patience.js';

const KEYS = Array.from({ length: 60 }, (_, index) => `idempotency:key-${index}`);
/** Time for an election and for the client to follow it, in milliseconds. */
const FAILOVER_MS = 20_000;

const promote = async (redis: TestRedis) => {
  await operate(redis, (client) => client.replicaof('NO', 'ONE'));
};

const replicate = async (redis: TestRedis, primary: TestRedis) => {
  await operate(redis, (client) => client.replicaof('127.0.0.1', primary.port));
};

describe('RedisCache with a cluster of three nodes', () => {
  const redises = useRedisCaches();

  it('uses the whole cluster with the URL of one node, and goes on without one of the others', async () => {
    const [first, , third] = await redises.startThreeNodes();
    if (!first || !third) throw new Error('there are three nodes');
    const sut = await redises.connected(first.url);
    await until(async () => {
      await Promise.all(KEYS.map((key) => sut.set(key, key, 60)));
      const found = await Promise.all(KEYS.map((key) => sut.get(key)));
      return found.every((value, index) => value === KEYS[index]);
    });
    expect(await sut.health()).toEqual({ status: 'connected' });
    const counts = await Promise.all(KEYS.map((key) => sut.count(`rate:${key}`, 10_000, 1)));
    expect(counts.map((count) => count?.count)).toEqual(KEYS.map(() => 1));

    third.kill('SIGKILL');
    await until(async () => {
      const found = await Promise.all(KEYS.slice(0, 30).map((key) => sut.get(key)));
      return found.includes('idempotency:key-0') || found.some((value) => value !== undefined);
    });
    await third.restart();
  });
});

describe('RedisCache with a Sentinel', () => {
  const redises = useRedisCaches();

  it('follows an ordered failover and the loss of the primary', async () => {
    const { primary, replica, sentinel } = await redises.startSentinel();
    const sut = await redises.untilConnected(
      redises.cacheWith({ REDIS_URL: [sentinel.url], REDIS_SENTINEL_NAME: 'mesh' }),
    );
    expect(await works(sut)).toBe(true);
    await operate(sentinel, (client) => client.call('SENTINEL', 'FAILOVER', 'mesh'));
    const role = (redis: TestRedis) =>
      operate(redis, async (client) => /role:(\w+)/.exec(await client.info('replication'))?.[1]);
    await until(async () => (await role(primary)) === 'slave', FAILOVER_MS);
    await until(() => works(sut), FAILOVER_MS);
    expect(await sut.health()).toEqual({ status: 'connected' });
    expect(await role(replica)).toBe('master');

    await until(
      () =>
        operate(sentinel, async (client) =>
          JSON.stringify(await client.call('SENTINEL', 'REPLICAS', 'mesh')).includes(
            '"master-link-status","ok"',
          ),
        ),
      FAILOVER_MS,
    );
    replica.kill('SIGKILL');
    await until(async () => (await sut.ping()) === 'disconnected');
    expect(await slowestCall(5, sut)).toBeLessThan(patient(INSTANT_MS));
    await until(() => works(sut), FAILOVER_MS);
    expect(await role(primary)).toBe('master');
  });

  it('does not use a server while no Sentinel responds, and shows the reason', async () => {
    const sut = redises.cacheWith({
      REDIS_URL: ['redis://127.0.0.1:1', 'redis://127.0.0.1:2'],
      REDIS_SENTINEL_NAME: 'mesh',
    });
    await until(async () => (await sut.health()).reason?.includes('CONNECTING') === false);
    expect(await sut.health()).toMatchObject({ status: 'disconnected' });
    expect(redises.warnings).toHaveLength(1);
    expect(redises.warnings[0]).toContain('All sentinels are unreachable');
  });

  it('authenticates to the Sentinels and to the servers apart', async () => {
    const { primary, replica, sentinel } = await redises.startSentinel();
    const secure = (redis: TestRedis, password: string) =>
      operate(redis, (client) => client.call('CONFIG', 'SET', 'requirepass', password));
    await operate(replica, (client) => client.config('SET', 'masterauth', 'of-servers'));
    await operate(sentinel, async (client) => {
      await client.call('SENTINEL', 'SET', 'mesh', 'auth-pass', 'of-servers');
      await client.call('ACL', 'SETUSER', 'default', '>of-sentinels');
    });
    await Promise.all([primary, replica].map((redis) => secure(redis, 'of-servers')));
    const settings = {
      REDIS_URL: [sentinel.url.replace('//', '//:of-servers@')],
      REDIS_SENTINEL_NAME: 'mesh',
    };
    const right = { ...settings, REDIS_SENTINEL_PASSWORD: 'of-sentinels' };
    expect(await works(await redises.untilConnected(redises.cacheWith(right)))).toBe(true);
    const wrong = redises.cacheWith({ ...settings, REDIS_SENTINEL_PASSWORD: 'of-servers' });
    await until(async () => (await wrong.health()).reason?.includes('CONNECTING') === false);
    expect((await wrong.health()).status).toBe('disconnected');
    expect(redises.warnings.join()).not.toMatch(/of-(servers|sentinels)/);
  });
});

describe('RedisCache after a failover that left a read-only server behind', () => {
  const redises = useRedisCaches();
  const proxies: TcpProxy[] = [];

  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
  });

  it('finds the primary at the same address, and reads in the meantime', async () => {
    const former = await redises.start();
    const next = await redises.start();
    const proxy = await TcpProxy.start(former.port);
    proxies.push(proxy);
    const sut = await redises.connected(proxy.url(former.url));
    await sut.set('key', 'value', 60);
    await replicate(next, former);
    await until(() => operate(next, async (client) => (await client.get('key')) === 'value'));
    await promote(next);
    await replicate(former, next);
    proxy.target = next.port;
    const reads: unknown[] = [];
    await until(async () => {
      reads.push(await sut.get('key'));
      await sut.set('other', 'value', 60);
      return operate(next, async (client) => (await client.get('other')) === 'value');
    });
    expect(reads).toContain('value');
    // A read that a slow machine answers too late is a miss.
    const isSlow = redises.warnings.some((warning) => warning.includes('Command timed out'));
    const missed = reads.filter((read) => read !== 'value');
    expect(missed).toEqual(isSlow ? missed.map(() => undefined) : []);
    expect(await sut.health()).toEqual({ status: 'connected' });
  });

  it('stays with the read-only server while there is no other, and shows the reason', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.replicaof('127.0.0.1', 1));
    for (let sent = 0; sent < 8; sent++) {
      await sut.set('key', 'other', 60);
      expect(await sut.get('key')).toBe('value');
    }
    expect(await sut.health()).toEqual({
      status: 'connected',
      reason: 'READONLY: Redis is a read-only replica',
    });
    await promote(redis);
    await until(() => works(sut));
    expect(await sut.health()).toEqual({ status: 'connected' });
  });
});

describe('RedisCache with an ACL user', () => {
  const redises = useRedisCaches();
  const page = readFileSync('docs/operations/redis.md', 'utf8');

  /** The rules of the page, each an argument of ACL SETUSER. */
  const rules = (name: string): string[] =>
    new RegExp(`^user ${name} (.+)$`, 'm').exec(page)?.[1]?.split(' ') ?? [];

  const withUser = async (redis: TestRedis, name: string, changes: string[] = []) => {
    await operate(redis, (client) =>
      client.call('ACL', 'SETUSER', 'mesh', ...rules(name), '>p@ss/w:rd', ...changes),
    );
    return redis.url.replace('//', `//mesh:${encodeURIComponent('p@ss/w:rd')}@`);
  };

  it('requires no other command and no other key than the page lists', async () => {
    const redis = await redises.start();
    const url = await withUser(redis, 'mesh');
    const sut = await redises.untilConnected(
      redises.cacheWith({ REDIS_URL: [url] }, 'agent-mesh:0123:'),
    );
    expect(await works(sut)).toBe(true);
    expect(await sut.count('rate:subject:a', 10_000, 2)).toMatchObject({ count: 2 });
    expect(await sut.health()).toEqual({ status: 'connected' });
    expect(await operate(redis, (client) => client.call('ACL', 'LOG'))).toEqual([]);
  });

  it('requires the commands of a cluster for a cluster only', async () => {
    const node = await redises.startCluster();
    const url = await withUser(node, 'mesh-cluster');
    const sut = await redises.untilConnected(
      redises.cacheWith({ REDIS_URL: [url, url] }, 'agent-mesh:0123:'),
    );
    expect(await works(sut)).toBe(true);
    expect(await sut.count('rate:subject:a', 10_000, 2)).toMatchObject({ count: 2 });
    expect(await sut.health()).toEqual({ status: 'connected' });
    expect(await operate(node, (client) => client.call('ACL', 'LOG'))).toEqual([]);
  });

  it.each(['-get', '-set', '-eval', '-incrby', 'resetkeys', '-pttl'])(
    'shows what is missing with %s, and misses',
    async (change) => {
      const redis = await redises.start();
      const url = await withUser(redis, 'mesh', [change]);
      const sut = await redises.untilConnected(
        redises.cacheWith({ REDIS_URL: [url] }, 'agent-mesh:0123:'),
      );
      expect(await sut.health()).toEqual({
        status: 'connected',
        reason: 'NOPERM: the ACL of the user lacks a command or a key pattern',
      });
    },
  );
});

describe('RedisCache with a Unix socket and a database number', () => {
  const redises = useRedisCaches();

  it('connects to the socket', async () => {
    const redis = await redises.start('--unixsocket', 'redis.sock', '--requirepass', 'p%ä');
    const folder = await operate(
      { ...redis, url: redis.url.replace('//', `//:${encodeURIComponent('p%ä')}@`) },
      async (client) => String(await client.config('GET', 'dir')).split(',')[1] ?? '',
    );
    const sut = await redises.connected(
      `unix://:${encodeURIComponent('p%ä')}@${folder}/redis.sock?db=2`,
    );
    expect(await works(sut)).toBe(true);
  });

  it('shows that the socket does not exist', async () => {
    const sut = redises.cacheOf('unix:///no/such/redis.sock');
    await until(async () => (await sut.health()).reason?.startsWith('ENOENT') === true);
    expect(redises.warnings).toHaveLength(1);
  });

  it('keeps its values in the database of the URL', async () => {
    const redis = await redises.start();
    const sut = await redises.connected(`${redis.url}/3`);
    await sut.set('key', 'value', 60);
    expect(await operate({ ...redis, url: `${redis.url}/3` }, (c) => c.get('key'))).toBe('value');
    expect(await operate(redis, (client) => client.get('key'))).toBeNull();
  });

  it.each(['p@ss', 'a:b', 'a/b#c?d', '100%', '%41', 'ä€😀', `"'\\ x`, 'a,b', 'a&b=c+d'])(
    'authenticates with the password %s',
    async (password) => {
      const redis = await redises.start('--requirepass', password);
      const url = redis.url.replace('//', `//default:${encodeURIComponent(password)}@`);
      expect(await works(await redises.connected(url))).toBe(true);
    },
  );
});
