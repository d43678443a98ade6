import { createSecretKey, type KeyObject } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { VerificationKeys } from './verification-keys.js';
import {
  MAX_TOKEN_CHARACTERS,
  MAX_TOKENS,
  VerifiedTokensService,
} from './verified-tokens.service.js';

const ORIGINAL = createSecretKey('s'.repeat(32), 'utf8');

class Keys extends VerificationKeys {
  readonly algorithms = ['HS256'] as const;
  readonly state = 'local';
  readonly problem = undefined;
  key: KeyObject | undefined = ORIGINAL;

  find(): Promise<KeyObject> {
    return Promise.reject(new Error('nobody is to wait'));
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  known(): KeyObject | undefined {
    return this.key;
  }
}

const verified = (sub: string) => ({
  payload: { sub },
  agent: { subject: sub, roles: [], kind: 'agent' as const },
  keyName: { algorithm: 'HS256', keyId: undefined } as const,
  key: ORIGINAL,
});

let keys: Keys;
let sut: VerifiedTokensService;

beforeEach(async () => {
  keys = new Keys();
  sut = new VerifiedTokensService(keys);
  await sut.add('a', verified('a'));
});

describe('A token that was verified', () => {
  it('is known as long as its key is', () => {
    expect(sut.find('a')).toMatchObject({ payload: { sub: 'a' } });
    expect(sut.find('b')).toBeUndefined();
  });

  it('has to be verified, and so is refused, once its key is removed', () => {
    keys.key = undefined;
    expect(sut.find('a')).toBeUndefined();
  });

  it('has to be verified again after its key was read again, under the same name', () => {
    keys.key = createSecretKey('t'.repeat(32), 'utf8');
    expect(sut.find('a')).toBeUndefined();
  });

  it('is forgotten when so many others came after it', async () => {
    for (let n = 1; n < MAX_TOKENS; n += 1) await sut.add(`other-${n}`, verified('other'));
    await sut.add('a', verified('again'));
    expect(sut.find('a')).toMatchObject({ payload: { sub: 'again' } });
    await sut.add('the last straw', verified('b'));
    expect(sut.find('a')).toBeUndefined();
    expect(sut.find('other-1')).toBeDefined();
  });

  it('is evicted when the tokens after it are too large together', async () => {
    const large = (n: number): string => String(n).padEnd(MAX_TOKEN_CHARACTERS / 4, 'x');
    for (let n = 1; n <= 3; n += 1) await sut.add(large(n), verified(`large ${n}`));
    expect(sut.find('a')).toBeDefined();
    await sut.add(large(4), verified('large 4'));
    expect(sut.find('a')).toBeUndefined();
    expect(sut.find(large(1))).toBeDefined();
    await sut.add(large(5), verified('large 5'));
    expect(sut.find(large(1))).toBeUndefined();
    expect(sut.find(large(2))).toBeDefined();
  });

  it('counts once, however often it is added', async () => {
    const large = 'x'.repeat(MAX_TOKEN_CHARACTERS / 2);
    for (let n = 1; n <= 5; n += 1) await sut.add(large, verified('large'));
    expect(sut.find('a')).toBeDefined();
  });
});
