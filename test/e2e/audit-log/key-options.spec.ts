import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cosignatureVerifier, noteVerifier } from '../../../packages/verify/src/note.js';
import { newSigningKey, publicKeyOf } from '../../support/audit-log.js';
import { UsageError } from '../../../src/common/usage-error.js';
import { keyCommandOf } from '../../../src/audit-log/key-changes/key-options.js';

const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-options-'));
const pem = newSigningKey();
const verifier = noteVerifier('mesh.example.com', publicKeyOf(pem));
const { vkey } = verifier;
const [key, text] = [join(folder, 'key.pem'), join(folder, 'text.pem')];

const read = (...args: string[]) => keyCommandOf(args, { value: undefined, file: undefined });

describe('The options of audit:keys', () => {
  beforeAll(() => {
    writeFileSync(key, pem);
    writeFileSync(text, 'no key');
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('name a command, a new key, and the key to revoke', () => {
    expect(read('list')).toEqual({ kind: 'list' });
    expect(read('rotate', '--new-key', key)).toMatchObject({
      kind: 'rotate',
      next: { publicKey: publicKeyOf(pem) },
    });
    const signer = ['--new-signer', 'https://vault/sign/b', '--new-signer-key', vkey];
    expect(read('rotate', ...signer)).toMatchObject({ next: { publicKey: publicKeyOf(pem) } });
    expect(read('revoke', vkey, '--good-until', '0')).toEqual({
      kind: 'revoke',
      vkey,
      goodUntil: 0,
    });
  });

  it.each([
    [[], 'list, rotate or revoke is required'],
    [['drop'], 'list, rotate or revoke is required'],
    [['list', vkey], 'list, rotate or revoke is required'],
    [['list', '--good-until', '1'], 'list, rotate or revoke is required'],
    [['list', '--force'], "Unknown option '--force'"],
    [['rotate'], '--new-key, or --new-signer with --new-signer-key, is required'],
    [['rotate', '--new-key', key, '--good-until', '1'], '--good-until is for revoke'],
    [['rotate', '--new-key', 'missing.pem'], 'the file missing.pem cannot be read'],
    [['rotate', '--new-key', folder], 'cannot be read'],
    [['rotate', '--new-key', text], '--new-key must be a file with a private Ed25519 key'],
    [
      ['rotate', '--new-signer', 'https://vault'],
      '--new-signer with --new-signer-key, is required',
    ],
    [['rotate', '--new-key', key, '--new-signer', 'https://vault'], 'is required'],
    [['rotate', '--new-signer', 'http://vault', '--new-signer-key', vkey], 'an https URL'],
    [['rotate', '--new-signer', 'vault', '--new-signer-key', vkey], 'an https URL'],
    [
      ['rotate', '--new-signer', 'https://vault', '--new-signer-key', 'key'],
      '--new-signer-key must be a verifier key of a log',
    ],
    [['revoke', '--good-until', '1'], 'list, rotate or revoke is required'],
    [['revoke', vkey], 'list, rotate or revoke is required'],
    [['revoke', 'key', '--good-until', '1'], 'VKEY must be a verifier key of a log'],
    [
      ['revoke', cosignatureVerifier(verifier).vkey, '--good-until', '1'],
      'VKEY must be a verifier key of a log',
    ],
    [['revoke', vkey, '--good-until', 'all'], '--good-until must be a number of entries'],
    [['revoke', vkey, '--good-until', '1.5'], '--good-until must be a number of entries'],
  ])('%j are refused', (args, message) => {
    expect(() => read(...args)).toThrow(message);
    expect(() => read(...args)).toThrow(UsageError);
  });
});
