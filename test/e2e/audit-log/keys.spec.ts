import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { verifyBundle } from '../../../packages/verify/src/bundle.js';
import { findingLine } from '../../../packages/verify/src/findings.js';
import {
  noteVerifier,
  parseNote,
  parseVerifierKey,
  signCheckpoint,
} from '../../../packages/verify/src/note.js';
import { logsPolicy } from '../../../packages/verify/src/policy.js';
import {
  bundlesOfSize,
  entriesPath,
  tilePath,
  tilesOfSize,
} from '../../../packages/verify/src/tiles.js';
import { verifyReceipt } from '../../../packages/verify/src/verify-receipt.js';
import { localKey, type SigningKey, signerOf } from '../../../src/audit-log/signing-key.js';
import { parseSigningKey } from '../../../src/config/audit-signing-key.js';
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
import { Client } from '../../support/client.js';
import { eventually, until } from '../../support/eventually.js';
import { withKeyChanges } from '../../support/key-changes.js';
import { expectProblem, routeTask } from '../../support/kit.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { programFile } from '../../support/program-file.js';
import { ProgramRun } from '../../support/program-run.js';
import { grantApproval } from '../../support/receipts.js';

const keyOf = (pem: string): SigningKey => localKey(parseSigningKey(pem));
const vkeyOf = (pem: string): string => noteVerifier(ORIGIN, publicKeyOf(pem)).vkey;
const signersOf = (note: string): string[] => parseNote(note).signatures.map(({ keyId }) => keyId);
const keyIdOf = (pem: string): string => noteVerifier(ORIGIN, publicKeyOf(pem)).keyId;

describe('The signing key of the audit log', () => {
  const [old, next, third] = [newSigningKey(), newSigningKey(), newSigningKey()];
  const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-keys-'));
  let databaseUrl: string;
  /** An instance with the old key, and one that is rolled out with the new key. */
  let before: TestApp;
  let after: TestApp;

  const start = (pem: string, env: Record<string, string> = {}): Promise<TestApp> =>
    startTestApp({
      databaseUrl,
      env: sealing(pem, { AUDIT_LOG_ORIGIN: ORIGIN, HUMAN_CLAIMS: 'idtyp=user', ...env }),
    });

  const stateOf = async ({ url }: TestApp): Promise<unknown> =>
    (await new Client(url).get('/health')).body.audit_log;

  const untilState = async (mesh: TestApp, state: string): Promise<void> => {
    await eventually(
      () => stateOf(mesh),
      (found) => found === state,
    );
    expect(await stateOf(mesh)).toBe(state);
  };

  /** Runs `npm run audit:keys`. */
  const command = (args: readonly string[], pem: string) =>
    new ProgramRun(process.execPath, [programFile('src/audit-keys-command.js'), ...args], {
      env: { DATABASE_URL: databaseUrl, AUDIT_SIGNING_KEY: pem },
      cwd: folder,
    }).result();

  const verify = (pem: string, ...args: readonly string[]) =>
    new ProgramRun(process.execPath, [programFile('src/audit-verify-command.js'), ...args], {
      env: { DATABASE_URL: databaseUrl, AUDIT_SIGNING_KEY: pem },
      cwd: folder,
    }).result();

  async function receiptOf(mesh: TestApp, id: string, wait = 20) {
    const path = `/approvals/${id}/receipt?wait_seconds=${wait}`;
    return mesh.agent('auditor').open(path);
  }

  const approve = async (mesh: TestApp): Promise<string> => (await grantApproval(mesh)).id;

  /** The bundle that an auditor downloads, with all heads of the database. */
  async function verifyDownload(mesh: TestApp, ...pems: string[]): Promise<string[]> {
    const auditor = mesh.agent('auditor');
    const note = (await auditor.get('/audit/log/checkpoint')).text;
    const { size } = openAny(note);
    const files = new Map<string, Buffer>([['checkpoint', Buffer.from(note)]]);
    const paths = [
      ...[...bundlesOfSize(size)].map(entriesPath),
      ...[...tilesOfSize(size)].map(tilePath),
    ];
    for (const path of paths) {
      const response = await auditor.open(`/audit/log/${path}`);
      files.set(path, Buffer.from(await response.arrayBuffer()));
    }
    const heads = await mesh.query<{ checkpoint: string }>(
      'SELECT checkpoint FROM audit_heads WHERE size < $1 ORDER BY size',
      [size],
    );
    files.set('heads', Buffer.from(heads.map(({ checkpoint }) => checkpoint).join('\n')));
    const policy = logsPolicy(pems.map((pem) => parseVerifierKey(vkeyOf(pem))));
    const report = await verifyBundle((path) => Promise.resolve(files.get(path)), { policy });
    return report.findings.map(findingLine);
  }

  const openAny = (note: string) => {
    const [, size = ''] = parseNote(note).text.split('\n');
    return { size: Number(size) };
  };

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    before = await start(old);
    await routeTask(before, 'finance', 'manager');
    await untilSigned(before);
  });
  afterAll(async () => {
    await Promise.all([before.close(), after.close()]);
    await dropTestDatabase(databaseUrl);
    rmSync(folder, { recursive: true });
  });

  let early: Buffer;

  it('does not change without a record: an instance with another key signs nothing', async () => {
    const id = await approve(before);
    early = Buffer.from(await (await receiptOf(before, id)).arrayBuffer());
    after = await start(next, { AUDIT_RETIRED_KEYS: vkeyOf(old) });
    await routeTask(after, 'finance', 'manager');
    await untilSigned(before);
    await untilState(after, 'unsigned');
    expect(await stateOf(before)).toBe('sealing');
    expect(openCheckpoint(await newestHead(before), old).size).toBeGreaterThan(0);
    expectProblem(
      await after.agent('auditor').get(`/approvals/${id}/receipt`),
      503,
      'audit.unsigned',
    );
  });

  it('is not changed in a wrong way', async () => {
    const [own, other] = [keyOf(old), keyOf(third)];
    const foreign = noteVerifier('other.example.com', publicKeyOf(third)).vkey;
    await withKeyChanges(databaseUrl, async (changes) => {
      for (const [change, message] of [
        [() => changes.rotate(own, own), 'The new key is the present one'],
        [() => changes.rotate(other, keyOf(next)), 'The newest head is not signed by the key of'],
        [() => changes.revoke(own, vkeyOf(old), 1), 'The environment has the key to revoke'],
        [() => changes.revoke(own, vkeyOf(third), 1), 'never was a key of this log'],
        [() => changes.revoke(own, vkeyOf(third), 99_999), '--good-until must not exceed'],
        [() => changes.revoke(own, foreign, 1), 'is not a key of the log'],
      ] as const) {
        await expect(change()).rejects.toThrow(message);
      }
    });
    const { code, errors } = await command(['rotate', '--new-key', 'missing.pem'], old);
    expect({ code, errors }).toEqual({
      code: 64,
      errors: expect.stringContaining('--new-key: the file missing.pem cannot be read'),
    });
    const events = `SELECT 1 FROM audit_events WHERE event_type LIKE 'log%'`;
    expect(await before.query(events)).toEqual([]);
    writeFileSync(join(folder, 'old.pem'), old);
    writeFileSync(join(folder, 'next.pem'), next);
  });

  it('changes with a record, and a head that both keys have signed', async () => {
    const { code, output } = await command(['rotate', '--new-key', 'next.pem'], old);
    expect(code).toBe(0);
    const [, size = ''] = /both keys have signed the head of (\d+) entries/.exec(output) ?? [];
    const [head] = await before.query<{ checkpoint: string }>(
      'SELECT checkpoint FROM audit_heads WHERE size = $1',
      [size],
    );
    expect(signersOf(head?.checkpoint ?? '')).toEqual(
      expect.arrayContaining([keyIdOf(old), keyIdOf(next)]),
    );
    const list = await command(['list'], next);
    expect(list.output.trim().split('\n')).toEqual([
      `${vkeyOf(next)} from ${size}`,
      `${vkeyOf(old)} from 0 up to ${size}`,
    ]);
  });

  it('signs with the new key from then on: the instance with the old key seals, and signs nothing', async () => {
    const id = await approve(before);
    await untilSealed(before);
    await untilState(before, 'unsigned');
    await untilState(after, 'sealing');
    await untilSigned(after);
    expect(openCheckpoint(await newestHead(after), next).size).toBeGreaterThan(0);
    expect(signersOf(await newestHead(after))).not.toContain(keyIdOf(old));
    expectProblem(
      await before.agent('auditor').get(`/approvals/${id}/receipt`),
      503,
      'audit.unsigned',
    );
    const answer = await receiptOf(after, id);
    expect(answer.status).toBe(200);
    const receipt = Buffer.from(await answer.arrayBuffer());
    const policyOf = (pem: string) => ({ policy: logsPolicy([parseVerifierKey(vkeyOf(pem))]) });
    expect(verifyReceipt(receipt, policyOf(next)).findings).toEqual([]);
    expect(verifyReceipt(receipt, policyOf(old)).findings).toHaveLength(1);
    expect(verifyReceipt(early, policyOf(old)).findings).toEqual([]);
  });

  it('lists both keys with their sizes', async () => {
    const { body } = await new Client(after.url).get<{ keys: Record<string, unknown>[] }>(
      '/audit/log/keys',
    );
    const size = body.keys[0]?.from_size;
    expect(body.keys).toMatchObject([
      { vkey: vkeyOf(next), until_size: null, revoked: false },
      { vkey: vkeyOf(old), from_size: 0, until_size: size, revoked: false },
    ]);
  });

  it('verifies from the old and from the new key', async () => {
    await routeTask(after, 'finance', 'manager');
    await untilSigned(after);
    expect(await verifyDownload(after, old)).toEqual([]);
    expect(await verifyDownload(after, next)).toEqual([]);
    expect(await verifyDownload(after, third)).toHaveLength(1);
    for (const pem of [old, next]) {
      const { code, output } = await verify(pem);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('verified') });
    }
    expect((await verify(third)).code).toBe(1);
  });

  it('does not change back, and not twice with the same key', async () => {
    const again = await command(['rotate', '--new-key', 'old.pem'], next);
    expect(again.errors).toContain('was a key of this log before');
    const stale = await command(['rotate', '--new-key', 'next.pem'], old);
    expect(stale).toMatchObject({ code: 64, errors: expect.stringContaining('signs the log') });
  });

  it('is revoked by its successor, which signs alone', async () => {
    await before.close();
    await after.close();
    const [{ size } = { size: '0' }] = await rows<{ size: string }>('SELECT size FROM audit_log');
    const revoked = await command(['revoke', vkeyOf(next), '--good-until', '3'], third);
    expect(revoked).toMatchObject({ code: 0, errors: '' });
    before = await start(next);
    after = await start(third);
    await routeTask(after, 'finance', 'manager');
    await untilSigned(after);
    await untilState(before, 'diverged');
    const head = openCheckpoint(await newestHead(after), third);
    expect(head.size).toBeGreaterThan(Number(size));
    const { body } = await new Client(after.url).get<{ keys: Record<string, unknown>[] }>(
      '/audit/log/keys',
    );
    expect(body.keys).toMatchObject([
      { vkey: vkeyOf(third), until_size: null },
      { vkey: vkeyOf(next), until_size: 3, revoked: true },
      { vkey: vkeyOf(old), revoked: false },
    ]);
    expect(await verifyDownload(after, third)).toEqual([]);
    expect(await verifyDownload(after, old)).not.toEqual([]);
    expect((await verify(third)).code).toBe(0);
    const twice = await command(['revoke', vkeyOf(next), '--good-until', '3'], third);
    expect(twice.errors).toContain('is revoked already, good until 3');
  });

  it('does not sign later heads when it was revoked: a head of the thief is refused', async () => {
    await before.close();
    await after.close();
    before = await start(third);
    after = await start(next);
    await routeTask(after, 'finance', 'manager');
    await untilSigned(before);
    await Promise.all([before.close(), after.close()]);
    const [newest] = await rows<{ size: string; root: Buffer }>('SELECT size, root FROM audit_log');
    const head = {
      origin: ORIGIN,
      size: Number(newest?.size),
      root: newest?.root ?? Buffer.alloc(0),
    };
    const forged = await signCheckpoint(head, 1, signerOf(keyOf(next), ORIGIN));
    await rows('UPDATE audit_heads SET checkpoint = $2 WHERE size = $1', [head.size, forged]);
    const { code, output } = await verify(third);
    expect({ code, output }).toEqual({
      code: 1,
      output: expect.stringContaining(`INVALID no known key has signed the head of ${head.size}`),
    });
    before = await start(third);
    after = await start(third);
    await until(async () => (await stateOf(before)) === 'diverged');
  });

  async function rows<Row>(text: string, parameters?: unknown[]): Promise<Row[]> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      return (await client.query<Row & pg.QueryResultRow>(text, parameters)).rows;
    } finally {
      await client.end();
    }
  }
});
