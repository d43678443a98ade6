import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RedisCacheService } from './redis-cache.service.js';
import { patient } from '../../test/support/patience.js';

describe('RedisCache', () => {
  let warnings: string[];
  let stops: (() => unknown)[];

  beforeEach(() => {
    stops = [];
    warnings = [];
    const nothing = () => undefined;
    const warn = (message: unknown) => warnings.push(String(message));
    Logger.overrideLogger({ log: nothing, error: nothing, warn });
  });

  afterEach(async () => {
    for (const stop of stops.reverse()) await stop();
    Logger.overrideLogger(false);
  });

  function cacheOf(...urls: string[]): RedisCacheService {
    const cache = new RedisCacheService(urls);
    stops.push(() => {
      cache.onApplicationShutdown();
    });
    cache.onModuleInit();
    return cache;
  }

  /** A server that answers a Redis command, by its name, with a line of the Redis protocol, or not at all. */
  async function fakeRedis(
    answer: (command: string) => string | undefined,
    received?: (chunk: string) => unknown,
    handshake = HANDSHAKE,
  ): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        received?.(chunk.toString());
        for (const [, command = ''] of chunk.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
          const line = handshake[command] ?? answer(command);
          if (line) socket.write(`${line}\r\n`);
        }
      });
    });
    stops.push(() => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    });
    return `redis://:the-password@127.0.0.1:${await listen(server)}`;
  }

  describe('without a URL', () => {
    it('does nothing and says that it is disabled', async () => {
      const sut = cacheOf();
      await sut.set('key', 'value', 60);
      expect(await sut.get('key')).toBeUndefined();
      expect(await sut.ping()).toBe('disabled');
      expect(warnings).toEqual([]);
    });
  });

  describe.each([
    ['a server', 1],
    ['a cluster', 2],
  ])('with the URL of %s where nothing listens', (_, count) => {
    it('misses at once', async () => {
      const sut = cacheOf(...Array<string>(count).fill(await closedUrl()));
      await sleep(50);
      const started = performance.now();
      for (let made = 0; made < 20; made++) {
        await sut.set('key', 'value', 60);
        expect(await sut.get('key')).toBeUndefined();
        expect(await sut.ping()).toBe('disconnected');
      }
      expect(performance.now() - started).toBeLessThan(patient(250));
    });

    it('warns once, without the password', async () => {
      cacheOf(...Array<string>(count).fill(await closedUrl()));
      await sleep(600);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain('Redis cannot be used');
      expect(warnings[0]).not.toContain('the-password');
    });

    it('misses before it connects and after it is closed', async () => {
      const sut = new RedisCacheService(Array<string>(count).fill(await closedUrl()));
      expect(await sut.get('key')).toBeUndefined();
      sut.onModuleInit();
      sut.onApplicationShutdown();
      expect(await sut.get('key')).toBeUndefined();
      expect(await sut.ping()).toBe('disconnected');
    });
  });

  it('misses at once while a connection is accepted and nothing is said', async () => {
    const server = createServer();
    const port = await listen(server);
    stops.push(() => server.close());
    const sut = cacheOf(`redis://127.0.0.1:${port}`);
    await sleep(20);
    const started = performance.now();
    expect(await sut.get('key')).toBeUndefined();
    expect(await sut.ping()).toBe('disconnected');
    expect(performance.now() - started).toBeLessThan(patient(100));
  });

  it('sends what is asked for at the same moment at once, and each has its own answer', async () => {
    let answered = 0;
    const chunks: string[] = [];
    const url = await fakeRedis(
      () => `+answer ${++answered}`,
      (chunk) => chunks.push(chunk),
    );
    const sut = await connected(cacheOf(url));
    chunks.length = 0;

    const ask = () => [sut.get('one'), sut.set('two', 'value', 60), sut.get('three')];
    expect(await Promise.all(ask())).toEqual(['answer 1', undefined, 'answer 3']);
    expect(await Promise.all(ask())).toEqual(['answer 4', undefined, 'answer 6']);

    expect(chunks).toHaveLength(2);
  });

  it.each([1, 2])('speaks TLS when a rediss URL is given (%i)', async (count) => {
    const server = createServer();
    const hello = once(server, 'connection').then(async ([socket]: Socket[]) => {
      stops.push(() => socket?.destroy());
      return socket ? once(socket, 'data') : [];
    });
    stops.push(() => server.close());
    cacheOf(...Array<string>(count).fill(`rediss://127.0.0.1:${await listen(server)}`));
    const [bytes]: Buffer[] = await hello;
    expect(bytes?.[0]).toBe(TLS_HANDSHAKE);
  });

  it('takes no notice of a wrong type under one key', async () => {
    const url = await fakeRedis(() => '-WRONGTYPE Operation against a key holding the wrong kind');
    const sut = await connected(cacheOf(url));
    for (let made = 0; made < 5; made++) expect(await sut.get('key')).toBeUndefined();
    expect(sut.reads.state).toBe('closed');
    expect(warnings).toEqual([]);
  });

  it.each([
    ['is full', '-OOM command not allowed when used memory > maxmemory.'],
    ['is a read-only replica', '-READONLY You cannot write against a read only replica.'],
  ])('still reads when Redis %s', async (_, refusal) => {
    const sut = await connected(
      cacheOf(await fakeRedis((command) => (command === 'set' ? refusal : '+value'))),
    );
    for (let made = 0; made < 5; made++) {
      await sut.set('key', 'value', 60);
      expect(await sut.get('key')).toBe('value');
    }
    expect([sut.reads.state, sut.writes.state]).toEqual(['closed', 'open']);
    expect(warnings).toHaveLength(1);
  });

  it.each([
    '-MOVED 12182 127.0.0.1:7001',
    '-CLUSTERDOWN The cluster is down',
    '-NOPERM this user has no permissions to run the command',
    '-LOADING Redis is loading the dataset in memory',
    '-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to no.',
  ])('misses, and then asks no more, when a read is answered %s', async (refusal) => {
    let asked = 0;
    const url = await fakeRedis(() => {
      asked++;
      return refusal;
    });
    const sut = await connected(cacheOf(url));
    for (let made = 0; made < 10; made++) expect(await sut.get('key')).toBeUndefined();
    expect(asked).toBe(3);
    expect(sut.reads.state).toBe('open');
  });

  it.each([
    ['LOADING', '-LOADING Redis is loading the dataset in memory'],
    ['MISCONF', '-MISCONF Redis is configured to save RDB snapshots, but it cannot persist'],
    ['OOM', '-OOM command not allowed when used memory > maxmemory.'],
    ['NOAUTH', '-NOAUTH Authentication required.'],
    ['CLUSTERDOWN', '-CLUSTERDOWN The cluster is down'],
    ['MASTERDOWN', '-MASTERDOWN Link with MASTER is down'],
    ['NOPERM', '-NOPERM this user has no permissions'],
    ['ERR', '-ERR max number of clients reached'],
  ])('shows the reason %s when Redis answers only with errors', async (code, refusal) => {
    const sut = await connected(cacheOf(await fakeRedis(() => refusal)));
    const health = await sut.health();
    expect(health).toEqual({
      status: 'disconnected',
      reason: expect.stringMatching(new RegExp(`^${code}: .`)),
    });
    expect(health.reason).not.toMatch(/127\.0\.0\.1|the-password/);
    expect(warnings).toHaveLength(1);
  });

  it('shows the reason when Redis refuses its handshake', async () => {
    const sut = await connected(
      cacheOf(await fakeRedis(() => undefined, undefined, { info: '-LOADING Redis is loading' })),
    );
    expect(await sut.health()).toEqual({
      status: 'disconnected',
      reason: 'LOADING: Redis is loading its data',
    });
  });

  it.each([
    ['OOM', 'set'],
    ['NOPERM', 'eval'],
    ['NOPERM', 'get'],
  ])('shows the reason %s when Redis refuses only %s', async (code, refused) => {
    const url = await fakeRedis((command) => (command === refused ? `-${code} no` : '+OK'));
    const sut = await connected(cacheOf(url));
    expect(await sut.health()).toEqual({
      status: 'connected',
      reason: expect.stringContaining(code),
    });
  });

  it('shows that a Redis that hangs does not respond in time', async () => {
    const sut = await connected(cacheOf(await fakeRedis(() => undefined)));
    expect(await sut.health()).toEqual({
      status: 'disconnected',
      reason: 'TIMEOUT: Redis does not respond in time',
    });
  });

  it('lets at most three reads and three writes wait for a Redis that hangs', async () => {
    const sut = await connected(cacheOf(await fakeRedis(() => undefined)));
    const waits: number[] = [];
    for (let made = 0; made < 10; made++) {
      const started = performance.now();
      await sut.get('key');
      await sut.set('key', 'value', 60);
      waits.push(performance.now() - started);
    }
    expect(Math.max(...waits)).toBeLessThan(patient(350));
    expect(waits.filter((wait) => wait > patient(50)).length).toBeLessThanOrEqual(3);
  });

  it('gets a new connection when one stopped answering', async () => {
    let hangs = true;
    const url = await fakeRedis(() => (hangs ? undefined : '+value'));
    const sut = await connected(cacheOf(url));
    for (let made = 0; made < 3; made++) await sut.get('key');
    hangs = false;
    await until(async () => (await sut.get('key')) === 'value');
    expect(sut.reads.state).toBe('closed');
  });

  it('keeps nothing for less than a second', async () => {
    const commands: string[] = [];
    const url = await fakeRedis((command) => {
      commands.push(command);
      return '+OK';
    });
    const sut = await connected(cacheOf(url));
    for (const seconds of [0, -5, 0.9, Number.NaN]) await sut.set('key', 'value', seconds);
    expect(commands).toEqual([]);
    await sut.set('key', 'value', 1.5);
    expect(commands).toEqual(['set']);
  });

  it('does not log what an answer out of order holds', async () => {
    const url = await fakeRedis(() => '+OK\r\n+cached-secret');
    const sut = await connected(cacheOf(url));
    await sut.get('key');
    await sleep(50);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toContain('cached-secret');
  });
});

// https://www.rfc-editor.org/rfc/rfc8446#section-5.1
const TLS_HANDSHAKE = 22;

/** Answers to what the client says before it is ready. */
const HANDSHAKE: Record<string, string> = { auth: '+OK', client: '+OK', info: '$0\r\n' };

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return portOf(server.address());
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}

async function closedUrl(): Promise<string> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  return `redis://user:the-password@127.0.0.1:${port}`;
}

/** Gives the client time to connect; to ask the fake whether it has would count as a question. */
async function connected(cache: RedisCacheService): Promise<RedisCacheService> {
  await sleep(100);
  return cache;
}

async function until(condition: () => Promise<boolean>, withinMs = 5000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await sleep(20);
  }
}
