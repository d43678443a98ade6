import { describe, expect, it } from '@jest/globals';
import {
  type LogSigner,
  type NoteVerifier,
  parseVerifierKey,
  signCheckpoint,
} from '../../packages/verify/src/note.js';
import { newSigner, SealedLog, SIGNED_AT } from '../../packages/verify/src/testing/sealed-log.js';
import type { RecordedKeyEvent } from './key-events.repository.js';
import { LogKeyring } from './log-keyring.js';

const log = new SealedLog();
log.fill(20);
const { origin } = log.head();
const [old, next, thief] = [log.signer, newSigner(), newSigner()];
const keyOf = ({ vkey }: LogSigner): NoteVerifier => parseVerifierKey(vkey);
const publicKeyOf = (signer: LogSigner): Buffer => keyOf(signer).publicKey;
const note = (size: number, ...signers: LogSigner[]): Promise<string> =>
  signCheckpoint(log.head(size), SIGNED_AT, ...signers);

/** The change at entry 5. */
const changed = (head?: string, to = next): RecordedKeyEvent => ({
  event: { kind: 'changed', index: 5, old: keyOf(old), next: keyOf(to) },
  isSealed: true,
  head: head === undefined ? undefined : { size: 8, checkpoint: head },
});
/** The revocation of the old key at entry 12. */
const revoked = (goodUntil: number, index = 12): RecordedKeyEvent => ({
  event: { kind: 'revoked', index, key: keyOf(old), goodUntil },
  isSealed: true,
  head: undefined,
});
const keyring = (pinned: LogSigner, ...events: RecordedKeyEvent[]): LogKeyring =>
  new LogKeyring(origin, [publicKeyOf(pinned)], events);

describe('The keys of a log', () => {
  it('are followed through a change, in both directions, up to their size', async () => {
    const both = await note(8, old, next);
    for (const pinned of [old, next]) {
      const keys = keyring(pinned, changed(both));
      expect(keys.open(await note(4, old))).toMatchObject({ size: 4 });
      expect(keys.open(both)?.keys).toHaveLength(2);
      expect(keys.open(await note(15, next))).toMatchObject({ size: 15 });
      expect(keys.open(await note(15, old))).toBeUndefined();
      expect(keys.isRefused(await note(15, old))).toBe(false);
    }
  });

  it('are not followed without both signatures', async () => {
    for (const head of [await note(8, old), await note(8, thief), undefined]) {
      const keys = keyring(old, changed(head, thief));
      expect(keys.open(await note(15, thief))).toBeUndefined();
    }
  });

  it('count up to the size of a revocation', async () => {
    const both = await note(8, old, next);
    const keys = keyring(next, changed(both), revoked(6));
    expect(keys.open(await note(6, old))).toMatchObject({ size: 6 });
    expect(keys.open(await note(7, old))).toBeUndefined();
    expect(keys.isRefused(await note(7, old))).toBe(true);
    expect(keys.isRefused(await note(6, old))).toBe(false);
    expect(keys.isRefused(await note(15, next))).toBe(false);
    expect(keyring(old, changed(both), revoked(6)).open(await note(15, next))).toBeUndefined();
  });

  it('that an earlier log has revoked count in no later one', async () => {
    const keys = keyring(old, revoked(6, -3));
    expect(keys.open(await note(4, old))).toBeUndefined();
    expect(keys.obstacleOf(publicKeyOf(old), undefined)).toContain('was revoked');
  });

  it('sign if they are the present one', async () => {
    const both = await note(8, old, next);
    const obstacle = (signer: LogSigner, keys: LogKeyring) =>
      keys.obstacleOf(publicKeyOf(signer), undefined);
    expect(obstacle(old, keyring(old))).toBeUndefined();
    const head = keyring(old).open(await note(4, old));
    expect(keyring(next).obstacleOf(publicKeyOf(next), head)).toContain('no change to it');
    expect(obstacle(next, keyring(next, changed()))).toContain('is not complete');
    expect(obstacle(next, keyring(next, changed(both)))).toBeUndefined();
    expect(obstacle(next, keyring(next, changed(), revoked(3)))).toBeUndefined();
    expect(obstacle(old, keyring(old, changed()))).toContain('was replaced by');
    expect(obstacle(thief, keyring(thief, changed(both)))).toContain('was replaced by');
    const unsealed = { ...changed(), isSealed: false };
    expect(obstacle(old, keyring(old, unsealed))).toBeUndefined();
  });
});
