import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { Report } from '../../packages/verify/src/findings.js';
import { signCheckpoint } from '../../packages/verify/src/note.js';
import { AuditHeadsRepository } from '../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../src/audit-log/audit-tiles.repository.js';
import { LogGrowthService } from '../../src/audit-log/log-growth.service.js';
import { localKey, signerOf } from '../../src/audit-log/signing-key.js';
import { parseSigningKey } from '../../src/config/audit-signing-key.js';
import { migrationOptions } from '../../src/database/database-options.js';
import { TransactionsService } from '../../src/database/transactions.service.js';
import { newDatabase } from '../support/app.js';
import { newSigningKey, verifyLog } from '../support/audit-log.js';
import { killSealers } from '../support/killed-sealers.js';
import { dropTestDatabase } from '../support/postgres.js';

describe('Sealers on two processes that are killed for a minute, with 16 writers', () => {
  it('leave nothing out, and each head is a prefix of the log', async () => {
    const { report, lost, ...counts } = await killSealers({
      kills: 10,
      seconds: 60,
      pause: () => sleep(500 + Math.random() * 2_000),
    });
    process.stdout.write(`${JSON.stringify(counts)}\n`);
    expect(report.findings).toEqual([]);
    expect(lost).toEqual([]);
    expect(counts.heads).toBeGreaterThan(5);
  }, 300_000);
});

const EVENTS = 1_000_000;
const MOST_SECONDS = 120;

/** Transitions and decisions, whose entries have the size of real ones. */
const LOAD = [
  `SET session_replication_role = replica`,
  `INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, metadata)
   SELECT gen_random_uuid(), CASE WHEN n % 4 = 0 THEN 'approval_decided' ELSE 'session_transitioned' END,
          'manager', 'https://idp.example.com/realms/corp#agent-' || n % 1000, now(), gen_random_uuid(),
          gen_random_uuid(), CASE WHEN n % 4 > 0 THEN gen_random_uuid() END, CASE WHEN n % 4 = 0 THEN gen_random_uuid() END,
          CASE WHEN n % 4 = 0
            THEN jsonb_build_object('approver_role', 'cfo', 'decision', 'approved', 'votes', 2, 'quorum', 2, 'stage', 1,
                                    'digest', md5(n::text) || md5(n::text), 'told', 'fine with me ' || n, 'kind', 'human')
            ELSE jsonb_build_object('from', 'active', 'to', 'completed', 'changed', '["result"]'::jsonb, 'version', 3,
                                    'retryable', NULL, 'content', md5(n::text)) END
     FROM generate_series(1, ${EVENTS}) n`,
  `INSERT INTO event_log (position, event_id) SELECT row_number() OVER (ORDER BY n), id FROM audit_events`,
  `UPDATE event_log_head SET last_position = ${EVENTS}, is_backfilled = true,
          low_n = (SELECT max(n) FROM audit_events), barrier_n = (SELECT max(n) FROM audit_events)`,
  `ANALYZE`,
];

describe('The verification of a long log', () => {
  const key = newSigningKey();
  let url: string;
  let dataSource: DataSource;
  const logs = new AuditLogRepository();
  const heads = new AuditHeadsRepository();
  const tiles = new AuditTilesRepository();

  beforeAll(async () => {
    url = await newDatabase();
    dataSource = await new DataSource(migrationOptions(url)).initialize();
    const runner = dataSource.createQueryRunner();
    for (const statement of LOAD) await runner.query(statement);
    await runner.query('RESET session_replication_role');
    await runner.release();
    const transactions = new TransactionsService(dataSource);
    const origin = 'mesh.example.com/audit/log';
    await transactions.run((manager) => logs.begin(manager, { log: 1, origin, first_position: 1 }));
    const growth = new LogGrowthService(logs, tiles, transactions);
    while ((await growth.grow())?.isFull === true);
    await transactions.run(async (manager) => {
      const log = await logs.find(manager);
      if (!log) throw new Error('There is no log');
      const signer = signerOf(localKey(parseSigningKey(key)), origin);
      const checkpoint = await signCheckpoint(log, 1, signer);
      await heads.insert(manager, log.log, { size: log.size, root: log.root, checkpoint });
    });
  }, 900_000);

  afterAll(async () => {
    await dataSource.destroy();
    await dropTestDatabase(url);
  });

  async function verify(): Promise<Report> {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const report = await verifyLog(url, key, { maxUnsigned: 0 });
    const seconds = (performance.now() - start) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20);
    process.stdout.write(
      `${EVENTS} events, ${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of CPU, ${megabytes} MB\n`,
    );
    expect(seconds).toBeLessThan(MOST_SECONDS);
    return report;
  }

  it(`compares ${EVENTS} events in ${MOST_SECONDS} seconds`, async () => {
    expect((await verify()).findings).toEqual([]);
  }, 300_000);

  it('names one changed and one missing event among them', async () => {
    await dataSource.query(`
      BEGIN;
      SET LOCAL session_replication_role = replica;
      UPDATE audit_events SET role = 'other' WHERE id = (SELECT event_id FROM event_log WHERE position = 700001);
      DELETE FROM audit_events WHERE id = (SELECT event_id FROM event_log WHERE position = 700003);
      COMMIT`);
    expect((await verify()).findings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^entry 700000 was changed/),
      'entry 700002 is missing',
    ]);
  }, 300_000);
});
