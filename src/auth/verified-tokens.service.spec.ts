import { createSecretKey, type KeyObject } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { VerificationKeys } from './verification-keys.js';
import { MAX_TOKENS, VerifiedTokensService } from './verified-tokens.service.js';

const ORIGINAL = createSecretKey('s'.repeat(32), 'utf8');

class Keys extends VerificationKeys {
  readonly algorithms = ['HS256'] as const;
  readonly state = 'local';
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
});
