import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { ProviderKey } from './jwk.js';
import { JwksCache } from './jwks-cache.js';
import type { TokenAlgorithm } from './verification-keys.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const ec = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const first = ec();
const second = ec();

const INVALID = { code: 'auth.token_invalid' };
const UNAVAILABLE = { code: 'auth.keys_unavailable', extras: { retryAfter: 1 } };

const UNAVAILABLE_LATER = { code: 'auth.keys_unavailable' };
const BUDGET_SPENT = { code: 'auth.keys_unavailable', extras: { retryAfter: 30 } };

let published: ProviderKey[];
let isDown: boolean;
let reads: number;
let now: number;
let sut: JwksCache;

const publish = (id: string | undefined, key: KeyObject, alg: TokenAlgorithm = 'ES256') =>
  published.push({ id, key, algorithms: [alg] });

const find = (id?: string, alg: TokenAlgorithm = 'ES256') => sut.find(alg, id);

/** Lets a reading in the background come to its end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeAll(() => {
  Logger.overrideLogger(false);
});

beforeEach(() => {
  published = [];
  isDown = false;
  reads = 0;
  now = 0;
  const read = async () => {
    reads += 1;
    await settle();
    if (isDown) throw new Error('down');
    return [...published];
  };
  sut = new JwksCache(read, () => now);
  publish('a', first);
});

describe('a key', () => {
  it('is found by its kid, and the set is read once', async () => {
    publish('b', second);
    expect(await Promise.all([find('a'), find('b'), find('a')])).toEqual([first, second, first]);
    expect(reads).toBe(1);
  });

  it('is not given for another algorithm, and that costs no reading', async () => {
    await expect(find('a', 'RS256')).rejects.toMatchObject(INVALID);
    await expect(find('a', 'RS256')).rejects.toMatchObject(INVALID);
    expect(reads).toBe(1);
  });

  it('is found without a kid when it is the only one for the algorithm', async () => {
    publish('r', second, 'RS256');
    expect(await find()).toBe(first);
    publish('b', second);
    now = 11 * MINUTE;
    await find();
    await settle();
    await expect(find()).rejects.toMatchObject(INVALID);
  });

  it('without an id is found by tokens without a kid only', async () => {
    published = [];
    publish(undefined, second);
    expect(await find()).toBe(second);
    await expect(find('undefined')).rejects.toMatchObject(INVALID);
  });
});

describe('an unknown kid', () => {
  it('makes the set be read again, once for all who ask', async () => {
    await find('a');
    publish('b', second);
    const asked = await Promise.all(Array.from({ length: 50 }, () => find('b')));
    expect(new Set(asked)).toEqual(new Set([second]));
    expect(reads).toBe(2);
  });

  it('costs two readings at once and one per 30 s, for any number of tokens and clients', async () => {
    await find('a');
    let refused = 0;
    for (let at = MINUTE; at <= 5 * MINUTE; at += 100) {
      now = at;
      const before = reads;
      const answer = await find(`random-${at}`).catch((error: unknown) => error);
      expect(answer).toMatchObject({ code: reads > before ? INVALID.code : UNAVAILABLE.code });
      if (reads > before) refused += 1;
    }
    expect(refused).toBe(reads - 1);
    expect(reads).toBe(1 + 2 + (4 * MINUTE) / (30 * SECOND));
  });

  it('that was published during a flood is known within 30 s, and known kids never wait', async () => {
    await find('a');
    for (let i = 0; i < 10; i += 1)
      await expect(find(`random-${i}`)).rejects.toMatchObject(i < 1 ? INVALID : BUDGET_SPENT);
    publish('b', second);
    now = 10 * SECOND;
    await expect(find('b')).rejects.toMatchObject({ ...BUDGET_SPENT, extras: { retryAfter: 20 } });
    now = 0;
    expect(await find('a')).toBe(first);
    now += 30 * SECOND;
    expect(await find('b')).toBe(second);
  });

  it('that was published once is refused, also when the readings are used up', async () => {
    await find('a');
    published = [];
    publish('b', second);
    now = 11 * MINUTE;
    await find('a');
    await settle();
    for (let i = 0; i < 3; i += 1) await expect(find('a')).rejects.toMatchObject(INVALID);
    await expect(find('c')).rejects.toMatchObject(UNAVAILABLE_LATER);
    publish('a', first);
    now += 30 * SECOND;
    expect(await find('a')).toBe(first);
  });

  it('is nobody’s to judge while the provider is down', async () => {
    await find('a');
    isDown = true;
    await expect(find('b')).rejects.toMatchObject(UNAVAILABLE);
    await expect(find('c')).rejects.toMatchObject(UNAVAILABLE);
    expect(await find('a')).toBe(first);
    expect(reads).toBe(2);
  });
});

describe('as the set ages', () => {
  it('it is read again after 10 minutes, in the background', async () => {
    await find('a');
    published = [];
    publish('b', second);
    now = 10 * MINUTE;
    await find('a');
    expect(reads).toBe(1);
    now += 1;
    expect(await find('a')).toBe(first);
    expect(reads).toBe(2);
    await settle();
    await expect(find('a')).rejects.toMatchObject(INVALID);
    expect(await find('b')).toBe(second);
  });

  it('an answer without keys is an answer: nobody passes any more', async () => {
    await find('a');
    published = [];
    now = 11 * MINUTE;
    await find('a');
    await settle();
    await expect(find('a')).rejects.toMatchObject(INVALID);
  });

  it('it serves for an hour while the provider is down, asked every 30 s', async () => {
    await find('a');
    isDown = true;
    for (now = 11 * MINUTE; now <= 60 * MINUTE; now += SECOND) {
      expect(await find('a')).toBe(first);
      await settle();
    }
    expect(reads).toBeLessThanOrEqual(1 + 2 + (49 * MINUTE) / (30 * SECOND));
    await expect(find('a')).rejects.toMatchObject(UNAVAILABLE);
    isDown = false;
    now += SECOND;
    expect(await find('a')).toBe(first);
  });
});

describe('a key that is known at once', () => {
  const known = (id: string) => sut.known('ES256', id);

  it('is one of a set that was read', async () => {
    expect(known('a')).toBeUndefined();
    await find('a');
    expect(known('a')).toBe(first);
    expect(known('b')).toBeUndefined();
    expect(reads).toBe(1);
  });

  it('is known for an hour, and for no longer; after 10 minutes the set is read again', async () => {
    await find('a');
    isDown = true;
    now = 10 * MINUTE + 1;
    expect(known('a')).toBe(first);
    await settle();
    expect(reads).toBe(2);
    now = 60 * MINUTE;
    expect(known('a')).toBe(first);
    now += 1;
    expect(known('a')).toBeUndefined();
  });
});

describe('the state', () => {
  it('is never_read until the first set is there, then available, and expired an hour later', async () => {
    isDown = true;
    expect(sut.state).toBe('never_read');
    await sut.prepare();
    expect(sut.state).toBe('never_read');
    isDown = false;
    now = SECOND;
    await sut.prepare();
    expect(sut.state).toBe('available');
    isDown = true;
    now += 61 * MINUTE;
    await sut.prepare();
    expect(sut.state).toBe('expired');
    isDown = false;
    now += SECOND;
    await sut.prepare();
    expect(sut.state).toBe('available');
  });

  it('costs one reading per second at most while there is no set, and none while there is', async () => {
    isDown = true;
    for (now = 0; now <= 10 * SECOND; now += 100) await sut.prepare();
    expect(reads).toBe(11);
    isDown = false;
    now += SECOND;
    for (let again = 0; again < 10; again += 1) await sut.prepare();
    expect(reads).toBe(12);
  });

  it('is never_read while the set has no key, whose tokens are nobody’s to judge', async () => {
    published = [];
    await sut.prepare();
    expect(sut.state).toBe('never_read');
    await expect(find('a')).rejects.toMatchObject(UNAVAILABLE);
    await expect(find()).rejects.toMatchObject(UNAVAILABLE);
    publish('a', first);
    now = SECOND;
    expect(await find('a')).toBe(first);
    expect(sut.state).toBe('available');
  });

  it('stays available when all keys are taken out later', async () => {
    await find('a');
    published = [];
    now = 11 * MINUTE;
    await find('a');
    await settle();
    expect(sut.state).toBe('available');
  });
});

describe('before the first set', () => {
  it('reading is tried once per second at most, and nobody waits in between', async () => {
    isDown = true;
    const asked = Array.from({ length: 20 }, () => find('a'));
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(
      asked.map(() => 'rejected'),
    );
    expect(reads).toBe(1);
    for (now = 100; now <= 10 * SECOND; now += 100) {
      await expect(find('a')).rejects.toMatchObject(UNAVAILABLE);
    }
    expect(reads).toBe(11);
  });

  it('keys are there within a second after the provider is back', async () => {
    isDown = true;
    await expect(find('a')).rejects.toMatchObject(UNAVAILABLE);
    isDown = false;
    now = SECOND;
    expect(await find('a')).toBe(first);
  });

  it('what went wrong is kept for the log', async () => {
    isDown = true;
    await expect(find('a')).rejects.toMatchObject({ extras: { cause: new Error('down') } });
  });
});
