import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { noteVerifier, parseNote } from '../../../packages/verify/src/note.js';
import { newDatabase, startTestApp, type TestApp } from '../../support/app.js';
import {
  newestHead,
  newSigningKey,
  openCheckpoint,
  ORIGIN,
  publicKeyOf,
  sealing,
  untilSealed,
  untilSigned,
} from '../../support/audit-log.js';
import { until } from '../../support/eventually.js';
import { expectProblem, routeTask } from '../../support/kit.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { grantApproval, sealedReceipt } from '../../support/receipts.js';
import { SignerServer } from '../../support/signer-server.js';

describe('An instance whose key is in Vault', () => {
  const pem = newSigningKey();
  const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-vault-'));
  const file = join(folder, 'token');
  let databaseUrl: string;
  let vault: SignerServer;
  let mesh: TestApp;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    vault = await SignerServer.start(pem);
    writeFileSync(file, vault.token);
    mesh = await startTestApp({
      databaseUrl,
      files: { AUDIT_SIGNER_TOKEN: file },
      env: {
        AUDIT_SEAL_INTERVAL_MS: '100',
        AUDIT_LOG_ORIGIN: ORIGIN,
        AUDIT_SIGNER_URL: vault.url,
        AUDIT_SIGNER_TOKEN: vault.token,
        AUDIT_SIGNER_KEY: noteVerifier(ORIGIN, publicKeyOf(pem)).vkey,
      },
    });
  });
  afterAll(async () => {
    await mesh.close();
    await vault.server.close();
    await dropTestDatabase(databaseUrl);
    rmSync(folder, { recursive: true });
  });

  const heads = async (): Promise<number> => (await mesh.query('SELECT FROM audit_heads')).length;

  it('signs heads and receipts', async () => {
    const granted = await grantApproval(mesh);
    const { matter, id } = granted;
    await sealedReceipt(granted);
    expect(openCheckpoint(await newestHead(mesh), pem).origin).toBe(ORIGIN);

    vault.server.respond = () => ({ status: 503 });
    expectProblem(await matter.requester.get(`/approvals/${id}/receipt`), 503, 'audit.unsigned');
    vault.resume();
    expect((await matter.requester.open(`/approvals/${id}/receipt`)).status).toBe(200);
  });

  it('shows a head in the header of responses about approvals', async () => {
    const text = await newestHead(mesh);
    const [signature] = parseNote(text).signatures;
    const { size, root } = openCheckpoint(text, pem);
    const bytes = Buffer.concat([
      Buffer.from(signature?.keyId ?? '', 'hex'),
      signature?.signature ?? Buffer.alloc(0),
    ]);
    const expected = `${size} ${root.toString('base64')} ${bytes.toString('base64')}`;
    const header = async (path: string) =>
      (await mesh.agent('auditor').get(path)).headers.get('mesh-audit-head');
    await until(async () => (await header('/approvals')) === expected);
    expect(await header(`/approvals/approval-01a22050-69ea-7333-b68f-e01bf09ac254`)).toBe(expected);
    expect(await header('/tasks')).toBeNull();
    expect((await fetch(`${mesh.url}/approvals`)).headers.get('mesh-audit-head')).toBeNull();
  });

  it('seals while Vault denies its token, and signs when the file has the new one', async () => {
    const before = await heads();
    vault.token = 's.second';
    await routeTask(mesh, 'finance', 'manager');
    await untilSealed(mesh);
    await until(() => vault.server.received.at(-1)?.authorization === 'Bearer s.first');
    expect(await heads()).toBe(before);
    writeFileSync(file, 's.second\n');
    await untilSigned(mesh);
    expect(await heads()).toBeGreaterThan(before);
  });

  it('signs nothing while Vault signs with another key', async () => {
    const before = await heads();
    const asked = vault.server.received.length;
    vault.key = newSigningKey();
    await routeTask(mesh, 'finance', 'manager');
    await untilSealed(mesh);
    await until(() => vault.server.received.length > asked);
    expect(await heads()).toBe(before);
    vault.key = pem;
    await untilSigned(mesh);
  });

  it('does not start with another name of the log, and keeps the name without one', async () => {
    const env = sealing(pem, { AUDIT_LOG_ORIGIN: 'other.example.com/audit/log' });
    await expect(startTestApp({ databaseUrl, env })).rejects.toThrow(
      `AUDIT_LOG_ORIGIN must stay ${ORIGIN}`,
    );
    const second = await startTestApp({
      databaseUrl,
      env: sealing(pem, { PUBLIC_URL: 'https://other.example.com', AUDIT_HEAD_HEADER: 'all' }),
    });
    try {
      await routeTask(second, 'finance', 'manager');
      await untilSigned(second);
      expect(openCheckpoint(await newestHead(second), pem).origin).toBe(ORIGIN);
      const header = async () =>
        (await second.agent('auditor').get('/tasks')).headers.get('mesh-audit-head');
      await until(async () => (await header()) !== null);
      expect((await fetch(`${second.url}/health`)).headers.get('mesh-audit-head')).toBeNull();
    } finally {
      await second.close();
    }
  });
});
