import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { exitCode } from '../../../packages/verify/src/findings.js';
import { verifyHead } from '../../../packages/verify/src/head.js';
import {
  noteVerifier,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
} from '../../../packages/verify/src/note.js';
import { parsePolicy, type Policy } from '../../../packages/verify/src/policy.js';
import { verifyReceipt } from '../../../packages/verify/src/verify-receipt.js';
import { AuditLogRepository } from '../../../src/audit-log/audit-log.repository.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { newDatabase, startTestApp, type TestApp } from '../../support/app.js';
import { AnchorServer } from '../../support/anchors.js';
import {
  newSigningKey,
  ORIGIN,
  publicKeyOf,
  rebuildLog,
  sealing,
  untilSigned,
} from '../../support/audit-log.js';
import { until } from '../../support/eventually.js';
import { expectProblem, routeTask } from '../../support/kit.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { grantApproval, sealedReceipt } from '../../support/receipts.js';
import { WitnessServer } from '../../support/witness-server.js';

describe('Witnesses', () => {
  const key = newSigningKey();
  const logKey = noteVerifier(ORIGIN, publicKeyOf(key));
  let databaseUrl: string;
  let one: WitnessServer;
  let two: WitnessServer;
  /** A witness that never cosigns. */
  let broken: AnchorServer;
  let mesh: TestApp;

  const start = (quorum: number): Promise<TestApp> => {
    const { vkey } = noteVerifier('broken.example.org/w', publicKeyOf(newSigningKey()), 4);
    const witnesses = [one.setting, two.setting, `http://${broken.address}|${vkey}`];
    return startTestApp({
      databaseUrl,
      env: sealing(key, {
        AUDIT_LOG_ORIGIN: ORIGIN,
        AUDIT_WITNESSES: witnesses.join(','),
        AUDIT_WITNESS_QUORUM: String(quorum),
      }),
    });
  };

  const policy = (): Policy =>
    parsePolicy(
      [
        `log ${logKey.vkey}`,
        `witness one ${one.verifier.vkey}`,
        `witness two ${two.verifier.vkey}`,
        'group both all one two',
        'quorum both',
      ].join('\n'),
    );

  const checkpoint = async (): Promise<string> =>
    (await mesh.agent('auditor').get('/audit/log/checkpoint')).text;

  /** The size that the newest served head covers; 0 without one. */
  const served = async (): Promise<number> => {
    const { status, text } = await mesh.agent('auditor').get('/audit/log/checkpoint');
    return status === 200 ? parseCheckpoint(parseNote(text).text).size : 0;
  };

  const signedSize = async (): Promise<number> => {
    const [row] = await mesh.query<{ size: string }>('SELECT max(size) AS size FROM audit_heads');
    return Number(row?.size);
  };

  const untilServed = async (): Promise<void> => {
    await untilSigned(mesh);
    await until(async () => (await served()) === (await signedSize()));
  };

  const metrics = async (): Promise<string> => (await mesh.agent('admin').get('/metrics')).text;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    one = await WitnessServer.start('one.example.org/w', [logKey]);
    two = await WitnessServer.start('two.example.org/w', [logKey]);
    broken = await AnchorServer.start();
    broken.respond = () => ({ status: 200, body: 'nonsense\n' });
    mesh = await start(2);
  });
  afterAll(async () => {
    await mesh.close();
    await Promise.all([one.close(), two.close(), broken.close()]);
    await dropTestDatabase(databaseUrl);
  });

  it('cosign each head, which is served with the cosignatures of the quorum', async () => {
    for (let round = 0; round < 2; round += 1) {
      await routeTask(mesh, 'finance', 'manager');
      await untilServed();
      const head = verifyHead(await checkpoint(), policy());
      expect(head.witnesses.map(({ name }) => name).sort()).toEqual([one.name, two.name]);
      expect(head.isWitnessed).toBe(true);
    }
    const text = await metrics();
    expect(text).toContain(`mesh_audit_witness_size{witness="${one.name}"} ${await served()}`);
    expect(text).toMatch(
      /mesh_audit_witness_failures_total\{witness="broken.example.org\/w"\} [1-9]/,
    );
    expect(text).toContain(`mesh_audit_witness_failures_total{witness="${one.name}"} 0`);
  });

  it('have cosigned the newest head of a log that has not grown for days', async () => {
    await mesh.query(`UPDATE audit_heads SET signed_at = signed_at - interval '3 days'`);
    const quorum = { witnesses: [one.verifier.vkey, two.verifier.vkey], count: 2 };
    const progress = await mesh.app
      .get(TransactionsService)
      .read((manager) => mesh.app.get(AuditLogRepository).getProgress(manager, quorum));

    expect(progress).toMatchObject({ served: await signedSize(), unsigned_seconds: 0 });
  });

  it('cosign the head of a receipt', async () => {
    const receipt = await sealedReceipt(await grantApproval(mesh));
    const report = verifyReceipt(receipt, { policy: policy() });
    expect({ code: exitCode(report.findings), report }).toMatchObject({ code: 0 });
  });

  it('that are down keep a head from being served, until they are back', async () => {
    await two.stop();
    const size = await served();
    await routeTask(mesh, 'finance', 'manager');
    await untilSigned(mesh);
    const ofOne = `mesh_audit_witness_size{witness="${one.name}"} ${await signedSize()}`;
    await until(async () => (await metrics()).includes(ofOne));
    expect(await served()).toBe(size);
    await two.resume();
    await untilServed();
    expect(verifyHead(await checkpoint(), policy()).isWitnessed).toBe(true);
  });

  it('receive the proof from the head that they have, after a restart of the instance', async () => {
    await mesh.close();
    mesh = await start(2);
    await routeTask(mesh, 'finance', 'manager');
    await untilServed();
    expect(verifyHead(await checkpoint(), policy()).isWitnessed).toBe(true);
  });

  it('do not cosign a log that was rebuilt with the signing key, so that it is not served', async () => {
    await mesh.close();
    const owner = new pg.Client({ connectionString: databaseUrl });
    await owner.connect();
    await rebuildLog((statements) => owner.query(statements));
    await owner.end();
    mesh = await start(2);
    await routeTask(mesh, 'finance', 'manager');
    await untilSigned(mesh);
    const refused = /mesh_audit_witness_failures_total\{witness="(one|two)[^}]+\} [1-9]/g;
    await until(async () => [...(await metrics()).matchAll(refused)].length === 2);
    expectProblem(await mesh.agent('auditor').get('/audit/log/checkpoint'), 503, 'audit.unsigned');
  });
});

describe('Without a quorum', () => {
  const key = newSigningKey();
  let silent: AnchorServer;
  let mesh: TestApp;

  beforeAll(async () => {
    silent = await AnchorServer.start();
    silent.respond = () => undefined;
    const { vkey } = noteVerifier('silent.example.org/w', publicKeyOf(newSigningKey()), 4);
    mesh = await startTestApp({
      env: sealing(key, { AUDIT_WITNESSES: `http://${silent.address}|${vkey}` }),
    });
  });
  afterAll(async () => {
    await mesh.close();
    await silent.close();
  });

  it('a head is served as soon as it is signed, also if a witness never answers', async () => {
    await routeTask(mesh, 'finance', 'manager');
    await untilSigned(mesh);
    await until(() => silent.received.length > 0);
    const { status, text } = await mesh.agent('auditor').get('/audit/log/checkpoint');
    expect(status).toBe(200);
    expect(parseNote(text).signatures).toHaveLength(2);
    const [verifier] = parseNote(text).signatures;
    const origin = parseCheckpoint(parseNote(text).text).origin;
    expect(verifier?.keyId).toBe(
      parseVerifierKey(noteVerifier(origin, publicKeyOf(key)).vkey).keyId,
    );
  });
});
