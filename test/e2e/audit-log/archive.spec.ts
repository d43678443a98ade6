import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { noteVerifier } from '../../../packages/verify/src/note.js';
import { runVerify } from '../../../packages/verify/src/verify-command.js';
import type { Agent } from '../../../src/auth/agent.js';
import { LogArchive } from '../../../src/audit-log/archive/log-archive.js';
import { LogArchiveRepository } from '../../../src/audit-log/archive/log-archive.repository.js';
import { AuditHeadsRepository } from '../../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../../src/audit-log/audit-tiles.repository.js';
import { LogExport } from '../../../src/audit-log/export/log-export.js';
import { encodeCursor } from '../../../src/database/keyset.js';
import { sql } from '../../../src/database/sql.js';
import { EventHubService } from '../../../src/events/event-hub.service.js';
import { EventLogRepository } from '../../../src/events/event-log.repository.js';
import { EventReaderService } from '../../../src/events/event-reader.service.js';
import { EventStream } from '../../../src/events/event-stream.js';
import { ReplayRepository } from '../../../src/replay/replay.repository.js';
import { startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { ORIGIN, publicKeyOf, sealing, untilSigned } from '../../support/audit-log.js';
import { Client } from '../../support/client.js';
import { EVENT_FACTS } from '../../support/event-facts.js';
import { expectProblem, routeTask } from '../../support/kit.js';
import { createOldLog, type OldLog } from '../../support/old-log.js';
import { runOperatorCommand } from '../../support/operator-commands.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { SealedCopies } from '../../support/sealed-database.js';

/** The archives of the months that ended more than 30 days ago: whole groups of 256 entries. */
const FIRST = 'log-1/entries-0-511';
const SECOND = 'log-1/entries-512-767';

describe('npm run audit:archive', () => {
  const copies = new SealedCopies();
  const work = mkdtempSync(join(tmpdir(), 'agent-mesh-archive-'));
  let old: OldLog;
  let out: string;
  let runs = 0;

  beforeAll(async () => {
    old = await createOldLog();
    copies.original = old;
  }, 90_000);
  afterEach(() => copies.drop());
  afterAll(async () => {
    rmSync(work, { recursive: true });
    await dropTestDatabase(old.url);
  });

  /** A copy of the log, and a new folder. */
  async function begin(...statements: string[]): Promise<void> {
    runs += 1;
    out = join(work, String(runs));
    await copies.copy(...statements);
  }

  const command = (name: string, env: Record<string, string> = {}, ...args: string[]) =>
    runOperatorCommand(
      name,
      { DATABASE_URL: copies.url, AUDIT_SIGNING_KEY: old.key, ...env },
      ...args,
    );
  const archiveOld = (...args: string[]) =>
    command('audit-archive', { AUDIT_RETENTION_DAYS: '30', AUDIT_ARCHIVE_DIR: out }, ...args);

  /** Runs the archiving in this process, with a repository that a test can let fail. A seal covers each event at once. */
  async function archive(repository = new LogArchiveRepository(), waitMs = 20_000) {
    return copies.using(async (transactions) => {
      const logs = new AuditLogRepository();
      const verifier = noteVerifier(ORIGIN, publicKeyOf(old.key));
      const bundles = new LogExport(
        logs,
        new AuditTilesRepository(),
        new AuditHeadsRepository(),
        () => [verifier],
      );
      const request = { out, days: 30, isDryRun: false, hasAnchors: false, waitMs };
      return new LogArchive(transactions, logs, repository, bundles, request).run();
    });
  }

  /** Numbers, seals and signs all events, as a controller does. */
  async function seal(): Promise<void> {
    await copies.using(async (transactions) => {
      const events = new EventLogRepository();
      await transactions.run(async (manager) => {
        const head = await events.tryLock(manager);
        return events.number(manager, head?.highest_n ?? 0);
      });
    });
    await copies.seal(old.key);
  }

  const query = <Row extends object>(text: string): Promise<Row[]> =>
    copies.using((_, dataSource) => dataSource.query<Row[]>(text));

  const count = async (): Promise<number> => {
    const [row] = await query<{ count: number }>('SELECT count(*)::int AS count FROM audit_events');
    return row?.count ?? 0;
  };

  async function meshVerify(folder: string, from: number, to: number) {
    let text = '';
    const range = ['--from', String(from), '--to', String(to)];
    const code = await runVerify(['bundle', folder, '--key', copies.vkey, ...range], {
      out: (written) => (text += written),
      err: (written) => (text += written),
      input: () => Promise.reject(new Error('No input')),
    });
    return { code, text };
  }

  it('keeps all events without AUDIT_RETENTION_DAYS, and shows with --dry-run which it would archive', async () => {
    await begin();
    const before = await count();

    const [off, noFolder, dry] = await Promise.all([
      command('audit-archive', { AUDIT_ARCHIVE_DIR: out }),
      command('audit-archive', { AUDIT_RETENTION_DAYS: '30' }),
      archiveOld('--dry-run'),
    ]);
    const none = await archiveOld('--days', '3000');

    expect(off).toMatchObject({ code: 64, stdout: '' });
    expect(off.stderr).toContain('all events are kept: set AUDIT_RETENTION_DAYS, or --days');
    expect(noFolder.stderr).toContain('set AUDIT_ARCHIVE_DIR, or --out');
    expect(dry).toEqual({
      code: 0,
      stdout:
        `log ${ORIGIN}: would archive the entries 0 to 511 in ${out}/${FIRST}\n` +
        `log ${ORIGIN}: would archive the entries 512 to 767 in ${out}/${SECOND}\n`,
      stderr: '',
    });
    expect(none).toMatchObject({
      code: 0,
      stdout: 'Nothing to archive: no month of the log is old enough.\n',
    });
    expect(existsSync(out)).toBe(false);
    expect(await count()).toBe(before);
  });

  it('moves old months into archives that verify without the database', async () => {
    await begin();
    const before = await count();
    const mesh = await startTestApp({ databaseUrl: copies.url, env: sealingEnv(old.key) });
    try {
      expect(await archiveOld()).toEqual({
        code: 0,
        stdout:
          `log ${ORIGIN}: archived the entries 0 to 511 in ${out}/${FIRST}\n` +
          `log ${ORIGIN}: archived the entries 512 to 767 in ${out}/${SECOND}\n`,
        stderr: '',
      });
      await expectArchived(before, mesh);
      await expectGone(mesh);
      await untilSigned(mesh);
    } finally {
      await mesh.close();
    }
    const again = await archiveOld();
    expect(again.stdout).toBe('Nothing to archive: no month of the log is old enough.\n');
    await expectChecks();
  }, 60_000);

  /** The archives, their records, and the rows that are left. */
  async function expectArchived(before: number, mesh: TestApp): Promise<void> {
    expect(await meshVerify(join(out, FIRST), 0, 511)).toMatchObject({ code: 0 });
    expect(await meshVerify(join(out, SECOND), 512, 767)).toMatchObject({ code: 0 });
    const digests = [FIRST, SECOND].map((name) => readFileSync(join(out, name, 'SHA256SUMS')));
    for (const line of digests.join('').trim().split('\n').slice(0, 3)) {
      const [digest, name = ''] = line.split('  ');
      const file = readFileSync(join(out, FIRST, name));
      expect(createHash('sha256').update(file).digest('hex')).toBe(digest);
    }
    const events = await mesh.query<{ metadata: object; keys: string[] }>(
      `SELECT metadata, ARRAY(SELECT jsonb_object_keys(metadata) k ORDER BY k) AS keys
         FROM audit_events WHERE event_type = 'audit_archived' ORDER BY timestamp`,
    );
    const sha256 = digests.map((text) => createHash('sha256').update(text).digest('hex'));
    expect(events.map(({ metadata }) => metadata)).toMatchObject([
      { origin: ORIGIN, from: 0, to: 511, sha256: sha256[0] },
      { origin: ORIGIN, from: 512, to: 767, sha256: sha256[1] },
    ]);
    for (const { keys } of events)
      expect(keys).toEqual([...EVENT_FACTS.audit_archived.always].sort());
    const [rows] = await mesh.query<{ left: number; old: number; readers: number }>(
      `SELECT (SELECT count(*)::int FROM audit_events WHERE event_type <> 'audit_archived') AS left,
              (SELECT count(*)::int FROM audit_events e JOIN event_log l ON l.event_id = e.id
                WHERE l.position <= 768) AS old,
              (SELECT count(*)::int FROM audit_event_readers r
                WHERE NOT EXISTS (SELECT FROM audit_events e WHERE e.id = r.event_id)) AS readers`,
    );
    expect(rows).toMatchObject({ old: 0, readers: 0 });
    expect(rows?.left).toBeGreaterThanOrEqual(before - 768);
  }

  /** Requests for what is archived. */
  async function expectGone(mesh: TestApp): Promise<void> {
    const auditor = mesh.agent('auditor');
    const requester = new Client(mesh.url, tokenFor(old.requester.role, old.requester.subject));

    const gone = await auditor.get<{ oldest: string }>('/events?after=0');
    expectProblem(gone, 410, 'events.cursor_gone');
    const kept = await auditor.get<{ events: { sequence: string }[] }>(
      `/events?after=${gone.body.oldest}&limit=1`,
    );
    expect(kept.body.events.map(({ sequence }) => sequence)).toEqual(['769']);
    const first = await auditor.get<{ events: { sequence: string }[] }>('/events?limit=1');
    expect(first.body.events).toEqual(kept.body.events);
    expectProblem(await auditor.get('/events/stream?after=0'), 410, 'events.cursor_gone');
    expect(await endOfStream(mesh)).toBe('log_restored');

    expectProblem(await auditor.get('/audit/log/tile/entries/000'), 410, 'audit.pruned');
    expect((await auditor.open('/audit/log/tile/0/000')).status).toBe(200);
    expect((await auditor.open('/audit/log/tile/entries/002')).status).toBe(410);
    const proof = `/audit/events/${old.eventIds[0] ?? ''}/proof`;
    expectProblem(await auditor.get(proof), 410, 'audit.pruned');
    expectProblem(await mesh.agent('legal').get(proof), 404, 'audit.entry_not_found');
    const receipt = `/approvals/${old.approvalId}/receipt?wait_seconds=20`;
    expectProblem(await requester.get(receipt), 410, 'audit.pruned');
    expect((await requester.get(`/approvals/${old.approvalId}`)).body).toMatchObject({
      status: 'approved',
    });

    const list = await auditor.get<{ events: { timestamp: string }[] }>(
      '/audit/events?page_size=1',
    );
    expect(list.status).toBe(200);
    expect(list.body.events).toHaveLength(1);
    expectProblem(
      await auditor.get(`/audit/events?page_size=1&cursor=${encodeURIComponent(oldCursor())}`),
      410,
      'audit.pruned',
    );
    const { body: next } = await auditor.get<{ next_cursor: string }>('/audit/events?page_size=1');
    const second = await auditor.get(
      `/audit/events?page_size=1&cursor=${encodeURIComponent(next.next_cursor)}`,
    );
    expect(second.status).toBe(200);
    await routeTask(mesh, 'finance', 'manager');
  }

  /** Why a stream ends whose next events were archived while the client was slow. */
  function endOfStream({ app }: TestApp): Promise<string> {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const agent: Agent = { subject: 'auditor', kind: 'agent', roles: ['auditor'] };
    const services = [app.get(EventReaderService), app.get(EventHubService)] as const;
    const place = { epoch: 1, position: 0 };
    return new EventStream({ agent, filter: {} }, place, response, ...services, undefined).run();
  }

  /** A cursor from before all events. */
  const oldCursor = (): string =>
    encodeCursor('events', { at: '2020-01-01T00:00:00.000001Z', id: old.eventIds[0] ?? '' });

  /** The commands of the operator, on what is left. */
  async function expectChecks(): Promise<void> {
    const [verified, replayed, range, exported] = await Promise.all([
      command('audit-verify'),
      command('audit-replay'),
      command('audit-verify', {}, '--from', '700', '--to', '800'),
      command('audit-export', {}, '--out', join(out, 'rest')),
    ]);
    expect(verified).toMatchObject({ code: 0 });
    expect(verified.stdout).toContain('entries 0 to 767 are archived\n');
    expect(replayed).toMatchObject({ code: 0 });
    expect(replayed.stdout).toContain('Not replayed: 768 entries that are archived.');
    expect(range).toMatchObject({ code: 64 });
    expect(range.stderr).toContain(`the entries of the log ${ORIGIN} before 768 are archived`);
    expect(exported).toMatchObject({ code: 0 });
    expect(exported.stdout).toContain(`log ${ORIGIN}: entries 768 to `);
    const early = await command('audit-export', {}, '--out', join(out, 'early'), '--from', '0');
    expect(early.stderr).toContain('before 768 are in the archive');
  }

  it('continues where it was interrupted, and loses nothing', async () => {
    await begin();
    const before = await count();
    class Failing extends LogArchiveRepository {
      constructor(private readonly fails: (step: 'record' | 'remove') => boolean) {
        super();
      }
      override async record(...args: Parameters<LogArchiveRepository['record']>): Promise<void> {
        if (this.fails('record')) throw new Error('interrupted');
        await super.record(...args);
      }
      override async remove(...args: Parameters<LogArchiveRepository['remove']>): Promise<void> {
        await super.remove(...args);
        if (this.fails('remove')) throw new Error('interrupted');
      }
    }

    // While the bundle was written.
    mkdirSync(join(out, `${FIRST}.partial`), { recursive: true });
    writeFileSync(join(out, `${FIRST}.partial`, 'heads'), 'torn');
    // Before the record.
    await expect(archive(new Failing((step) => step === 'record'))).rejects.toThrow('interrupted');
    expect(existsSync(join(out, FIRST))).toBe(true);
    expect(await count()).toBe(before);
    // Before the seal of the record.
    const unsigned = await archive(new LogArchiveRepository(), 0);
    expect(unsigned.parts).toEqual([]);
    expect(unsigned.findings).toMatchObject([{ kind: 'INCOMPLETE' }]);
    expect(unsigned.findings[0]?.message).toContain(
      'no signed head covers the event audit_archived',
    );
    expect(await count()).toBe(before + 1);
    await seal();
    // In the middle of the removal, which then rolls back.
    await expect(archive(new Failing((step) => step === 'remove'))).rejects.toThrow('interrupted');
    expect(await count()).toBe(before + 1);
    // The second archive waits for its seal.
    const { parts, findings } = await archive(new LogArchiveRepository(), 0);
    expect(parts).toMatchObject([{ from: 0, to: 511, folder: join(out, FIRST) }]);
    expect(findings).toHaveLength(1);
    expect(await count()).toBe(before + 2 - 512);
    await seal();
    expect((await archive(new LogArchiveRepository(), 0)).parts).toMatchObject([
      { from: 512, to: 767 },
    ]);

    expect(await count()).toBe(before + 2 - 768);
    expect(await copies.verify()).toMatchObject({ lines: [], code: 0 });
    const recorded = await query(`SELECT 1 FROM audit_events WHERE event_type = 'audit_archived'`);
    expect(recorded).toHaveLength(2);
  }, 30_000);

  it('deletes nothing whose archive is missing or was changed', async () => {
    await begin();
    const before = await count();
    expect((await archive(new LogArchiveRepository(), 0)).findings).toHaveLength(1);
    await seal();
    const refused = async () => (await archive(new LogArchiveRepository(), 0)).findings;

    renameSync(join(out, FIRST), join(out, 'elsewhere'));
    expect((await refused())[0]?.message).toContain('does not have its digest: restore it');
    renameSync(join(out, 'elsewhere'), join(out, FIRST));
    const path = join(out, FIRST, 'tile/entries/000');
    const bytes = readFileSync(path);
    appendFileSync(path, 'x');
    expect(await refused()).toHaveLength(1);
    expect(await count()).toBe(before + 1);
    writeFileSync(path, bytes);

    expect((await archive(new LogArchiveRepository(), 0)).parts).toHaveLength(1);
  }, 30_000);

  it('does not archive an entry that was changed, and no entry that no signed head covers', async () => {
    await begin(
      `UPDATE audit_events SET metadata = '{"amount": 1}'
        WHERE id = (SELECT event_id FROM event_log WHERE position = 8)`,
    );
    const { parts, findings } = await archive(new LogArchiveRepository(), 0);
    expect({ parts, findings }).toEqual({
      parts: [],
      findings: [{ kind: 'INVALID', message: 'entry 7 does not hash to its tile' }],
    });
    expect(existsSync(join(out, FIRST))).toBe(false);

    await begin('DELETE FROM audit_heads');
    expect(await archive(new LogArchiveRepository(), 0)).toEqual({ parts: [], findings: [] });
  });

  it('runs as the owner, once at a time', async () => {
    await begin(`
      DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = 10000', current_database());
      END $$`);
    class Slow extends LogArchiveRepository {
      override async tryLock(...[manager]: Parameters<LogArchiveRepository['tryLock']>) {
        const isLocked = await super.tryLock(manager);
        const setting = `SELECT current_setting('idle_in_transaction_session_timeout') AS timeout`;
        expect(await sql(manager, setting)).toEqual([{ timeout: '0' }]);
        return isLocked;
      }
      override async record(): Promise<void> {
        await expect(archive()).rejects.toThrow('Another process archives or erases events.');
        throw new Error('enough');
      }
    }
    await expect(archive(new Slow())).rejects.toThrow('enough');

    const role = `archive_app_${runs}`;
    await query(`CREATE ROLE ${role} LOGIN PASSWORD 'archive'`);
    try {
      await query(`GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`);
      const url = new URL(copies.url);
      [url.username, url.password] = [role, 'archive'];
      const refused = await command('audit-archive', {
        DATABASE_URL: url.href,
        AUDIT_RETENTION_DAYS: '30',
        AUDIT_ARCHIVE_DIR: out,
      });
      expect(refused).toMatchObject({
        code: 64,
        stderr: `audit:archive: The database role ${role} does not own the audit log. Use the owner.\n`,
      });
    } finally {
      await query(`DROP OWNED BY ${role}`);
      await query(`DROP ROLE ${role}`);
    }
  }, 60_000);

  it('is the only way to delete an event, and only of archived ones', async () => {
    await begin();
    const refusal = 'audit_events is append-only';
    const remove = (which: string): Promise<unknown> =>
      copies.using((_, dataSource) =>
        dataSource.transaction(async (manager) => {
          await manager.query(`SELECT set_config('agent_mesh.archiving', 'on', true)`);
          await manager.query(`DELETE FROM audit_events WHERE id IN (${which})`);
        }),
      );
    const at = (position: number) => `SELECT event_id FROM event_log WHERE position = ${position}`;
    await expect(query('DELETE FROM audit_events')).rejects.toThrow(refusal);
    await expect(query('TRUNCATE audit_events')).rejects.toThrow(refusal);
    await expect(remove(at(1))).rejects.toThrow(refusal);

    expect((await archive(new LogArchiveRepository(), 0)).findings).toHaveLength(1);
    // Recorded, but not signed.
    await expect(remove(at(1))).rejects.toThrow(refusal);
    await seal();
    await expect(remove(at(513))).rejects.toThrow(refusal);
    await expect(
      remove(`SELECT id FROM audit_events WHERE event_type = 'audit_archived'`),
    ).rejects.toThrow(refusal);
    await expect(query(`DELETE FROM audit_events WHERE id IN (${at(1)})`)).rejects.toThrow(refusal);
    await remove(at(1));
  });

  it('is replayed from the latest archived event of all logs', async () => {
    await begin(
      `UPDATE audit_log SET pruned = 512, archived_until = '2026-01-31T23:00:00Z'`,
      `INSERT INTO audit_log (log, origin, first_position, size, root, pruned)
       SELECT log + 1, origin || '/next', first_position + size, 256, root, 256 FROM audit_log`,
    );
    const { ranges, until } = await copies.using((_, { manager }) =>
      new ReplayRepository(manager).archive(),
    );
    expect(ranges).toHaveLength(2);
    expect(until).toBe('2026-01-31T23:00:00.000Z');
  });

  it('shows events that were removed without an archive, and events in the place of archived ones', async () => {
    await begin();
    expect((await archive(new LogArchiveRepository(), 0)).findings).toHaveLength(1);
    await seal();
    expect((await archive(new LogArchiveRepository(), 0)).parts).toHaveLength(1);
    await seal();
    const [row] = await query<{ id: string }>(
      'SELECT event_id AS id FROM event_log WHERE position = 6',
    );
    await query(
      `INSERT INTO audit_events (id, event_type, role, actor, trace_id)
       VALUES ('${row?.id ?? ''}', 'access_denied', 'x', 'x', gen_random_uuid())`,
    );
    expect((await copies.verify()).lines).toEqual([
      `INVALID entry 5 was changed (event ${row?.id ?? ''})`,
    ]);
    await query(`UPDATE audit_log SET pruned = 800`);
    expect((await copies.verify()).lines).toContain(
      'INVALID entries 768 to 799 were removed without an event audit_archived',
    );
  });
});

function sealingEnv(key: string): Record<string, string> {
  return sealing(key, { AUDIT_LOG_ORIGIN: ORIGIN });
}
