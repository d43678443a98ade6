import { verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { noteVerifier } from '../../../packages/verify/src/note.js';
import { newSigningKey, publicKeyOf } from '../../support/audit-log.js';
import { SignerServer } from '../../support/signer-server.js';
import { type SigningKey, SigningError, verifiedKey } from '../../../src/audit-log/signing-key.js';
import { transitKey } from '../../../src/audit-log/transit-key.js';

const BYTES = Buffer.from('mesh.example.com/audit/log\n5\n');
const pem = newSigningKey();
const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-signer-'));
const file = join(folder, 'token');
let vault: SignerServer;

const keyOf = (timeoutMs?: number): SigningKey =>
  verifiedKey(transitKey(vault.url, { value: 's.old', file }, publicKeyOf(pem), timeoutMs));

describe('A key in Vault', () => {
  beforeAll(async () => {
    vault = await SignerServer.start(pem);
  });
  beforeEach(() => {
    vault.key = pem;
    vault.token = 's.first';
    writeFileSync(file, 's.first\n');
    vault.resume();
  });
  afterAll(async () => {
    await vault.server.close();
    rmSync(folder, { recursive: true });
  });

  it('signs, with the token of the file as it is now', async () => {
    const { key } = noteVerifier('log', publicKeyOf(pem));
    expect(verify(null, BYTES, key, await keyOf().sign(BYTES))).toBe(true);
    vault.token = 's.second';
    await expect(keyOf().sign(BYTES)).rejects.toThrow(
      'AUDIT_SIGNER_URL responded with 403: check AUDIT_SIGNER_TOKEN and its policy',
    );
    writeFileSync(file, 's.second');
    expect(await keyOf().sign(BYTES)).toHaveLength(64);
    rmSync(file);
    await expect(keyOf().sign(BYTES)).rejects.toThrow('AUDIT_SIGNER_TOKEN_FILE cannot be read');
  });

  it('does not sign with another key', async () => {
    vault.key = newSigningKey();
    await expect(keyOf().sign(BYTES)).rejects.toThrow('it signs with another key');
  });

  it.each([
    [500, '', 'AUDIT_SIGNER_URL responded with 500'],
    [401, '{}', 'AUDIT_SIGNER_URL responded with 401: check AUDIT_SIGNER_TOKEN'],
    [200, '', 'did not respond with a signature'],
    [200, '<html>', 'did not respond with a signature'],
    [200, '{"data":null}', 'did not respond with a signature'],
    [200, '{"data":{"signature":5}}', 'did not respond with a signature'],
    [200, '{"data":{"signature":"aws:v1:AAAA"}}', 'did not respond with a signature'],
    [200, '{"data":{"signature":"vault:v1:AAAA"}}', 'it signs with another key'],
    [200, `{"data":"${'x'.repeat(70_000)}"}`, 'larger than 64 KiB'],
    [302, '', 'does not respond'],
  ])('does not accept the answer %d %.20s', async (status, body, message) => {
    vault.server.respond = () => ({ status, body });
    const signature = keyOf().sign(BYTES);
    await expect(signature).rejects.toThrow(message);
    await expect(signature).rejects.toBeInstanceOf(SigningError);
  });

  it('is not waited for without end', async () => {
    vault.server.respond = () => undefined;
    await expect(keyOf(50).sign(BYTES)).rejects.toThrow('AUDIT_SIGNER_URL does not respond.');
  });

  it('can be out of reach', async () => {
    const other = await SignerServer.start(pem);
    const { url } = other;
    await other.server.close();
    const key = transitKey(url, { value: undefined, file: undefined }, publicKeyOf(pem));
    await expect(key.sign(BYTES)).rejects.toThrow(/does not respond.*ECONNREFUSED/);
  });
});
