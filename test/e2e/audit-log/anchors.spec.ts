import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { splitNotes } from '../../../packages/verify/src/head.js';
import { AnchorServer } from '../../support/anchors.js';
import { AuditHeadsRepository } from '../../../src/audit-log/audit-heads.repository.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import {
  newestHead,
  newSigningKey,
  openCheckpoint,
  publicKeyOf,
  rebuildLog,
  sealing,
  untilSigned,
} from '../../support/audit-log.js';
import { Client } from '../../support/client.js';
import { eventually, until } from '../../support/eventually.js';
import { routeTask, times, useApp } from '../../support/kit.js';

const granted = (request: Buffer): Buffer => {
  const token = Buffer.concat([Buffer.from('0401', 'hex'), request]);
  const body = Buffer.concat([Buffer.from('3003020100', 'hex'), token]);
  return Buffer.concat([Buffer.of(0x30, 0x81, body.length), body]);
};

/** Whether the program `openssl` can read DER; else the test checks the bytes only. */
function describeDer(der: Buffer): string | undefined {
  try {
    return execFileSync('openssl', ['ts', '-query', '-in', '/dev/stdin', '-text'], {
      input: der,
      stdio: ['pipe', 'pipe', 'ignore'],
    }).toString();
  } catch {
    return undefined;
  }
}

describe('Anchors', () => {
  const key = newSigningKey();
  const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-heads-'));
  let receiver: AnchorServer;
  let authority: AnchorServer;

  beforeAll(async () => {
    receiver = await AnchorServer.start();
    authority = await AnchorServer.start();
    authority.respond = (body) => ({ status: 200, body: granted(body) });
  });
  afterAll(async () => {
    await Promise.all([receiver.close(), authority.close()]);
    rmSync(folder, { recursive: true });
  });

  const mesh = useApp(() => ({
    env: sealing(key, {
      AUDIT_ANCHOR_SECONDS: '1',
      AUDIT_ANCHORS: [
        `file://${folder}/heads`,
        `http://user:p%40ss@${receiver.address}/heads`,
        `tsa+http://${authority.address}/tsr`,
      ].join(','),
    }),
  }));

  const sentOf = async (): Promise<Record<string, { at: string; timestamp?: string }>> => {
    const rows = await mesh.query<{ sent: Record<string, { at: string; timestamp?: string }> }>(
      'SELECT sent FROM audit_heads ORDER BY size DESC LIMIT 1',
    );
    return rows[0]?.sent ?? {};
  };

  it('receive the newest head, and the database records it', async () => {
    await routeTask(mesh, 'finance', 'manager');
    await untilSigned(mesh);
    await until(async () => Object.keys(await sentOf()).length === 3);

    const [note = ''] = splitNotes(readFileSync(join(folder, 'heads'), 'utf8')).slice(-1);
    const { size } = openCheckpoint(note, key);
    const sent = receiver.received.at(-1);
    expect(sent).toMatchObject({
      type: 'text/plain; charset=utf-8',
      authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
    });
    expect(openCheckpoint(String(sent?.body), key).size).toBe(size);
    const { text } = await mesh.agent('admin').get('/metrics');
    expect(text).toContain(`mesh_audit_anchor_size{anchor="file://${folder}/heads"} ${size}`);
    expect(text).not.toContain('p%40ss');
    expect(Object.keys(await sentOf()).join()).not.toContain('user');
  });

  it('receive a request of a time stamp over the head, whose answer is stored whole', async () => {
    const request = authority.received.at(-1);
    expect(request?.type).toBe('application/timestamp-query');
    const [head] = await mesh.query<{ checkpoint: string }>(
      'SELECT checkpoint FROM audit_heads ORDER BY size DESC LIMIT 1',
    );
    const digest = hash('sha256', head?.checkpoint ?? '', 'buffer');
    expect(request?.body.includes(digest)).toBe(true);
    const text = describeDer(request?.body ?? Buffer.alloc(0));
    if (text !== undefined) {
      expect(text).toContain('Hash Algorithm: sha256');
      expect(text).toContain('Certificate required: yes');
      expect(text).not.toContain('Nonce: unspecified');
    }
    const { timestamp = '' } = (await sentOf())[`tsa+http://${authority.address}/tsr`] ?? {};
    expect(Buffer.from(timestamp, 'base64')).toEqual(granted(request?.body ?? Buffer.alloc(0)));
  });

  it('have the newest head of a log that has not grown for days', async () => {
    await mesh.query(`UPDATE audit_heads SET signed_at = signed_at - interval '3 days'`);
    const name = `file://${folder}/heads`;
    const sent = await mesh.app
      .get(TransactionsService)
      .read((manager) => mesh.app.get(AuditHeadsRepository).listSent(manager, 1, [name]));

    const size = openCheckpoint(await newestHead(mesh), key).size;
    expect(sent).toEqual([{ anchor: name, size, age: expect.any(Number) }]);
  });

  it('that fail are counted, and receive the newest head later', async () => {
    receiver.respond = () => ({ status: 500 });
    authority.respond = () => ({ status: 200, body: Buffer.from('3003020102', 'hex') });
    await routeTask(mesh, 'finance', 'manager');
    await untilSigned(mesh);
    const failures = async (): Promise<number> =>
      (await mesh.agent('admin').get('/metrics')).text
        .split('\n')
        .filter((line) => /^mesh_audit_anchor_failures_total\{.* [1-9]/.test(line)).length;
    expect(await eventually(failures, (count) => count === 2)).toBe(2);
    receiver.respond = () => ({ status: 204 });
    authority.respond = (body) => ({ status: 200, body: granted(body) });
    await until(async () => Object.keys(await sentOf()).length === 3);
  });
});

describe('A log that was rebuilt while an instance works', () => {
  const key = newSigningKey();
  const mesh = useApp({ env: sealing(key) });

  it('is diverged, because the instance remembers its heads', async () => {
    await Promise.all(times(5, () => routeTask(mesh, 'finance', 'manager')));
    await untilSigned(mesh);
    await rebuildLog((statements) => mesh.query(statements));
    const state = async (): Promise<unknown> =>
      (await new Client(mesh.url).get('/health')).body.audit_log;
    expect(await eventually(state, (found) => found === 'diverged')).toBe('diverged');
    await routeTask(mesh, 'finance', 'manager');
    expect(await mesh.query('SELECT FROM audit_heads')).toEqual([]);
    expect(publicKeyOf(key)).toHaveLength(32);
  });
});
