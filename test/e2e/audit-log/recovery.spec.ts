import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { splitNotes } from '../../../packages/verify/src/head.js';
import { type Leaf, parseLeaf } from '../../../packages/verify/src/leaf.js';
import { noteVerifier, parseVerifierKey } from '../../../packages/verify/src/note.js';
import { logsPolicy } from '../../../packages/verify/src/policy.js';
import { decodeEntries } from '../../../packages/verify/src/tiles.js';
import { runVerify } from '../../../packages/verify/src/verify-command.js';
import { type ReceiptReport, verifyReceipt } from '../../../packages/verify/src/verify-receipt.js';
import { AuditHeadsRepository } from '../../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../../src/audit-log/audit-tiles.repository.js';
import { HeadCheckService } from '../../../src/audit-log/head-check.service.js';
import { KnownHeadsService } from '../../../src/audit-log/known-heads.service.js';
import { LogRecovery, type Recovery } from '../../../src/audit-log/recovery/log-recovery.js';
import { LogRecoveryRepository } from '../../../src/audit-log/recovery/log-recovery.repository.js';
import { SigningKeyService } from '../../../src/audit-log/signing-key.service.js';
import { parseEnvironment } from '../../../src/config/parse-environment.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { EventLogRepository } from '../../../src/events/event-log.repository.js';
import { newDatabase, startTestApp, TEST_SECRET, type TestApp } from '../../support/app.js';
import { Matter } from '../../support/approvals.js';
import {
  newestHead,
  newSigningKey,
  openCheckpoint,
  ORIGIN,
  publicKeyOf,
  sealing,
  untilSigned,
} from '../../support/audit-log.js';
import { Client } from '../../support/client.js';
import { EVENT_FACTS } from '../../support/event-facts.js';
import { eventually, until } from '../../support/eventually.js';
import { expectProblem, routeTask, times } from '../../support/kit.js';
import { runOperatorCommand } from '../../support/operator-commands.js';
import { createTestDatabase, dropTestDatabase } from '../../support/postgres.js';
import { useSealedCopies } from '../../support/sealed-database.js';

const SECOND = `${ORIGIN}/2`;

/** A decided approval, with its receipt from before. */
interface Decided {
  matter: Matter;
  id: string;
}

async function decide(mesh: TestApp): Promise<Decided> {
  const matter = await Matter.open(mesh);
  const id = await matter.ask();
  await matter.decide(id);
  return { matter, id };
}

/** The response to a request for the receipt, on this controller. */
const receiptOf = ({ matter, id }: Decided, mesh: TestApp, wait = 20) =>
  matter
    .agent(matter.from, matter.router, mesh)
    .open(`/approvals/${id}/receipt?wait_seconds=${wait}`);

async function receipt(decided: Decided, mesh: TestApp): Promise<Buffer> {
  const answer = await receiptOf(decided, mesh);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

describe('A database that was restored behind a published head', () => {
  const key = newSigningKey();
  const work = mkdtempSync(join(tmpdir(), 'agent-mesh-recovery-'));
  const folder = join(work, 'heads');
  const env = sealing(key, {
    AUDIT_ANCHOR_SECONDS: '1',
    AUDIT_ANCHORS: `file://${folder}/heads`,
    AUDIT_LOG_ORIGIN: ORIGIN,
  });
  let first: string;
  let restored: string;
  let mesh: TestApp;
  let kept: Decided & { receipt: Buffer };
  let lost: Buffer;

  /** Sizes of the heads of the first log that the anchor has. */
  const published = (): number[] =>
    splitNotes(readFileSync(join(folder, 'heads'), 'utf8'))
      .map((note) => openCheckpoint(note, key))
      .filter(({ origin }) => origin === ORIGIN)
      .map(({ size }) => size);

  beforeAll(async () => {
    mkdirSync(folder);
    first = await newDatabase();
    const before = await startTestApp({ databaseUrl: first, env });
    const decided = await decide(before);
    kept = { ...decided, receipt: await receipt(decided, before) };
    await untilSigned(before);
    const { size } = openCheckpoint(await newestHead(before), key);
    await before.close();
    restored = await createTestDatabase(first, undefined, new URL(first).pathname.slice(1));
    const after = await startTestApp({ databaseUrl: first, env });
    lost = await receipt(await decide(after), after);
    await untilSigned(after);
    await until(() => (published().at(-1) ?? 0) > size);
    await after.close();
    mesh = await startTestApp({ databaseUrl: restored, env });
  }, 60_000);
  afterAll(async () => {
    await mesh.close();
    await Promise.all([dropTestDatabase(first), dropTestDatabase(restored)]);
    rmSync(work, { recursive: true });
  });

  const stateOf = async (): Promise<unknown> =>
    (await new Client(mesh.url).get('/health')).body.audit_log;

  it('is diverged: nothing is signed, and requests go on', async () => {
    const count = async () => (await mesh.query('SELECT FROM audit_heads')).length;
    const heads = await count();
    expect(await eventually(stateOf, (state) => state === 'diverged')).toBe('diverged');
    await Promise.all(times(9, () => routeTask(mesh, 'finance', 'manager')));
    const size = `SELECT 1 FROM audit_log WHERE size >= 10`;
    await until(async () => (await mesh.query(size)).length === 1);
    expect(await stateOf()).toBe('diverged');
    expect(await count()).toBe(heads);
    expect((await new Client(mesh.url).get('/health/ready')).status).toBe(200);
    expect((await mesh.agent('admin').get('/metrics')).text).toContain(
      'mesh_audit_state{state="diverged"} 1',
    );
  });

  const recover = (...args: string[]) =>
    runOperatorCommand(
      'audit-recover',
      { DATABASE_URL: restored, AUDIT_SIGNING_KEY: key },
      ...args,
    );
  const verify = (...args: string[]) =>
    runOperatorCommand('audit-verify', { DATABASE_URL: restored, AUDIT_SIGNING_KEY: key }, ...args);
  const verifyOffline = (bytes: Buffer, origin: string): ReceiptReport =>
    verifyReceipt(bytes, {
      policy: logsPolicy([parseVerifierKey(noteVerifier(origin, publicKeyOf(key)).vkey)]),
    });

  /** Entry 0 of the log that grows. */
  async function firstEntry(): Promise<Leaf> {
    const { size } = openCheckpoint(await newestHead(mesh), key);
    const answer = await mesh.agent('auditor').open(`/audit/log/tile/entries/000.p/${size}`);
    const [entry = ''] = decodeEntries(Buffer.from(await answer.arrayBuffer()));
    return parseLeaf(String(entry));
  }

  it('is continued by audit:recover under another name, and both logs verify', async () => {
    expect(await eventually(stateOf, (state) => state === 'diverged')).toBe('diverged');
    const meanwhile = await decide(mesh);
    expectProblem(
      await meanwhile.matter.requester.get(`/approvals/${meanwhile.id}/receipt`),
      409,
      'receipt.not_sealed',
    );
    // Without the heads of the anchor nothing shows that the log has diverged.
    expect(await recover('--accept-loss')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('extends its published heads, so nothing was changed'),
    });
    const args = ['--accept-loss', '--heads', folder, '--reason', 'Restored the backup of Monday'];
    const [results] = await Promise.all([
      Promise.all([recover(...args), recover(...args)]),
      ...times(20, () => routeTask(mesh, 'finance', 'manager')),
    ]);

    expect(results.map(({ code }) => code).sort()).toEqual([0, 64]);
    expect(results.map(({ stdout }) => stdout).join('')).toContain(
      `The log ${SECOND} continues it`,
    );
    await routeTask(mesh, 'finance', 'manager');
    await untilSigned(mesh);
    expect(await eventually(stateOf, (state) => state === 'sealing')).toBe('sealing');

    expect(openCheckpoint(await newestHead(mesh), key).origin).toBe(SECOND);
    const { event_type, facts, sd } = await firstEntry();
    expect(event_type).toBe('log_continued');
    expect(Object.keys(facts).sort()).toEqual([...EVENT_FACTS.log_continued.always].sort());
    expect(Object.keys(sd).sort()).toEqual(['actor', 'details']);
    expect(facts).toMatchObject({ origin: ORIGIN, head: { size: Math.max(...published()) } });
    const keys = await mesh.agent('auditor').get<{ origin: string }>('/audit/log/keys');
    expect(keys.body.origin).toBe(SECOND);

    const verified = await verify('--max-unsigned', '1000');
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toMatch(
      new RegExp(`log ${SECOND} continues ${ORIGIN} after \\d+ entries: The log `),
    );
    const diverged = await verify('--heads', folder);
    expect(diverged.code).toBe(2);
    expect(diverged.stdout).toContain(`DIVERGED log ${ORIGIN}: `);
    expect(diverged.stdout).not.toContain('INVALID');

    expect(await exported(ORIGIN)).toMatch(/^VERIFIED\n/);

    // A receipt from before is sound, also of events that were lost. It is of the log that has ended.
    for (const bytes of [kept.receipt, lost, await receipt(kept, mesh)]) {
      expect(verifyOffline(bytes, ORIGIN).findings).toEqual([]);
      expect(verifyOffline(bytes, SECOND).findings).toEqual([
        { kind: 'INVALID', message: expect.stringContaining(`no trusted key of ${ORIGIN}`) },
      ]);
    }
    expect(verifyOffline(await receipt(await decide(mesh), mesh), SECOND).findings).toEqual([]);
    // No head covers the events from between the restore and the recovery.
    expectProblem(
      await meanwhile.matter.requester.get(`/approvals/${meanwhile.id}/receipt`),
      409,
      'receipt.unavailable',
    );
    const [event] = await mesh.query<{ id: string }>(
      'SELECT id FROM audit_events WHERE approval_id = $1 LIMIT 1',
      [meanwhile.id.replace('approval-', '')],
    );
    const proof = await mesh.agent('auditor').get(`/audit/events/${event?.id ?? ''}/proof`);
    expectProblem(proof, 409, 'audit.not_sealed');
    expect(proof.headers.get('retry-after')).toBeNull();

    // The log that has ended does not grow again, also not by a sealer that has read it before.
    await expect(grownAgain()).rejects.toThrow('continued the log');
  }, 60_000);

  /** Exports a log, and verifies the export without the database. */
  async function exported(origin: string): Promise<string> {
    const out = join(work, 'export');
    const env = { DATABASE_URL: restored, AUDIT_SIGNING_KEY: key };
    const { code } = await runOperatorCommand('audit-export', env, '--out', out, '--log', origin);
    expect(code).toBe(0);
    let text = '';
    const { vkey } = noteVerifier(origin, publicKeyOf(key));
    await runVerify(['bundle', out, '--key', vkey], {
      out: (written) => (text += written),
      err: (written) => (text += written),
      input: () => Promise.reject(new Error('No input')),
    });
    return text;
  }

  /** Grows the log that has ended. */
  function grownAgain(): Promise<void> {
    return mesh.app.get(TransactionsService).run(async (manager: EntityManager) => {
      const logs = new AuditLogRepository();
      const [ended] = await logs.list(manager);
      if (!ended) throw new Error('There is no log');
      await logs.grow(manager, ended, { size: ended.size + 1, root: ended.root });
    });
  }
});

describe('audit:recover', () => {
  const copies = useSealedCopies();

  const recover = (): Promise<Recovery> => {
    const environment = parseEnvironment({
      NODE_ENV: 'test',
      DATABASE_URL: copies.url,
      JWT_SECRET: TEST_SECRET,
      AUDIT_SIGNING_KEY: copies.key,
    });
    const known = new KnownHeadsService(new SigningKeyService(environment), environment);
    const recovery = new LogRecovery(
      new AuditLogRepository(),
      new HeadCheckService(new AuditHeadsRepository(), new AuditTilesRepository(), known),
      new EventLogRepository(),
      new LogRecoveryRepository(),
    );
    return copies.using((transactions) =>
      transactions.run((manager) => recovery.run(manager, undefined)),
    );
  };

  it('refuses a log that has not diverged', async () => {
    await copies.copy();
    await expect(recover()).rejects.toThrow(`The log ${ORIGIN} extends its published heads`);
    expect((await copies.verify()).notes).toHaveLength(2);
  });

  it('continues a log whose tiles were changed', async () => {
    await copies.copy(
      `UPDATE audit_tiles SET hashes = overlay(hashes placing sha256('x') FROM 1) WHERE level = 1`,
    );
    expect(await recover()).toMatchObject({
      origin: SECOND,
      first_position: 1_126,
      reason: 'The tiles do not add up to the log of 1125 entries.',
    });
    await copies.seal(copies.key);
    expect((await copies.verify({ maxUnsigned: 0 })).lines).toEqual([
      `INVALID log ${ORIGIN}: tile 0/0 does not hash to its parent: entries 0 to 255`,
    ]);
    await expect(recover()).rejects.toThrow(`The log ${SECOND} extends its published heads`);
  });

  it('continues a log whose heads no known key has signed, once more after another divergence', async () => {
    await copies.copy(`UPDATE audit_heads SET checkpoint = 'x'`);
    expect(await recover()).toMatchObject({ origin: SECOND });
    await copies.seal(newSigningKey());
    expect(await recover()).toMatchObject({ origin: `${ORIGIN}/3` });
    await copies.seal(copies.key);
    expect(await copies.verify({ maxUnsigned: 0 })).toMatchObject({
      lines: [
        `INVALID log ${ORIGIN}: no known key has signed the head of 1125`,
        `INVALID log ${SECOND}: no known key has signed the head of 1`,
      ],
    });
  });

  it('continues after an event that was deleted before it was sealed, and names the others', async () => {
    await copies.copy(...UNSEALED, `DELETE FROM audit_events WHERE id = '${idOf(2)}'`);
    const { reason, first_position } = await recover();
    expect(reason).toMatch(/^The event at position 1127 of the event log is missing/);
    expect(first_position).toBe(1_129);
    await copies.seal(copies.key);
    const report = await copies.verify({ heads: copies.heads(), maxUnsigned: 0 });
    expect(report).toMatchObject({ lines: [], code: 0 });
    expect(report.notes).toContain(
      `log ${SECOND} continues ${ORIGIN} after 1125 entries: ${reason}`,
    );

    await copies.using((_, dataSource) =>
      dataSource.query(`
        BEGIN;
        SET LOCAL session_replication_role = replica;
        UPDATE audit_events SET actor = 'other' WHERE id = '${idOf(3)}';
        COMMIT`),
    );
    expect((await copies.verify()).lines).toEqual([
      'INVALID the events at positions 1126 to 1128 are not those that entry 0 names',
    ]);
  });

  it.each([
    [
      'cut',
      `UPDATE audit_log SET size = 1033, root = (SELECT root FROM audit_heads WHERE size = 1033) WHERE log = 1`,
    ],
    ['renamed', `UPDATE audit_log SET origin = 'x' WHERE log = 1`],
  ])('keeps the end of a log that has ended from being %s', async (_, change) => {
    await copies.copy(...UNSEALED, `DELETE FROM audit_events WHERE id = '${idOf(2)}'`);
    await recover();
    await copies.seal(copies.key);
    await copies.using((_transactions, dataSource) => dataSource.query(change));
    expect((await copies.verify()).lines).toContain(
      `INVALID entry 0 does not name the end of the log ${change.includes('size') ? ORIGIN : 'x'}`,
    );
  });
});

const idOf = (n: number): string => `00000000-0000-7000-8000-00000000000${n}`;

/** Three events that have positions and are not sealed. */
const UNSEALED = [
  `INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, metadata)
   SELECT v.id::uuid, 'agent.a.b', 'legal', 'x', now(), v.id::uuid, '{}'
     FROM unnest('{${idOf(1)},${idOf(2)},${idOf(3)}}'::text[]) AS v(id)`,
  `INSERT INTO event_log (position, event_id)
   SELECT 1125 + v.n, v.id::uuid FROM unnest('{${idOf(1)},${idOf(2)},${idOf(3)}}'::text[]) WITH ORDINALITY AS v(id, n)`,
  `UPDATE event_log_head SET last_position = 1128`,
];
