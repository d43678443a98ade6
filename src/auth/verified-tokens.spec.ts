import { createSecretKey, type KeyObject } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { tokenInvalid } from './token-errors.js';
import { VerificationKeys } from './verification-keys.js';
import { MOST_TOKENS, VerifiedTokens } from './verified-tokens.js';

const ORIGINAL = createSecretKey('s'.repeat(32), 'utf8');

class Keys extends VerificationKeys {
  readonly algorithms = ['HS256'] as const;
  key: KeyObject | undefined = ORIGINAL;

  find(): Promise<KeyObject> {
    return this.key ? Promise.resolve(this.key) : Promise.reject(tokenInvalid('removed'));
  }
}

const verified = (sub: string) => ({
  header: { alg: 'HS256' },
  payload: { sub },
  signature: '',
  keyName: { algorithm: 'HS256', keyId: undefined } as const,
  key: ORIGINAL,
});

let keys: Keys;
let sut: VerifiedTokens;

beforeEach(() => {
  keys = new Keys();
  sut = new VerifiedTokens(keys);
  sut.add('a', verified('a'));
});

describe('A token that was verified', () => {
  it('is known as long as its key is', async () => {
    expect(await sut.find('a')).toMatchObject({ payload: { sub: 'a' } });
    expect(await sut.find('b')).toBeUndefined();
  });

  it('is refused once its key is removed', async () => {
    keys.key = undefined;
    await expect(sut.find('a')).rejects.toMatchObject({ code: 'auth.token_invalid' });
  });

  it('has to be verified again once its key was read anew, under the same name', async () => {
    keys.key = createSecretKey('t'.repeat(32), 'utf8');
    expect(await sut.find('a')).toBeUndefined();
  });

  it('is forgotten when so many others came after it', async () => {
    for (let n = 1; n < MOST_TOKENS; n += 1) sut.add(`other-${n}`, verified('other'));
    sut.add('a', verified('again'));
    expect(await sut.find('a')).toMatchObject({ payload: { sub: 'again' } });
    sut.add('the last straw', verified('b'));
    expect(await sut.find('a')).toBeUndefined();
    expect(await sut.find('other-1')).toBeDefined();
  });
});
