import { afterEach, beforeAll, expect } from '@jest/globals';
import pg from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { exitCode, findingLine } from '../../packages/verify/src/findings.js';
import { type Checkpoint, noteVerifier, signCheckpoint } from '../../packages/verify/src/note.js';
import { AuditHeadsRepository } from '../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../src/audit-log/audit-tiles.repository.js';
import { LogGrowthService } from '../../src/audit-log/log-growth.service.js';
import { localKey, signerOf } from '../../src/audit-log/signing-key.js';
import type { LogExpectations } from '../../src/audit-log/verification/log-verification.js';
import { parseSigningKey } from '../../src/config/audit-signing-key.js';
import { migrationOptions } from '../../src/database/database-options.js';
import { TransactionsService } from '../../src/database/transactions.service.js';
import { newDatabase, startTestApp } from './app.js';
import {
  newSigningKey,
  openCheckpoint,
  ORIGIN,
  publicKeyOf,
  sealing,
  untilSigned,
  verifyLog,
} from './audit-log.js';
import { closeAfterFolder, routeTask, times } from './kit.js';
import { createTestDatabase, dropTestDatabase } from './postgres.js';

/** Sizes of the heads that were published. */
export const HEADS = [81, 140, 240, 519, 1_033, 1_125];

const REPORT = { source: 'test', category: 'attack', action: 'target' };

interface SealedDatabase {
  url: string;
  key: string;
  published: string[];
}

let shared: Promise<SealedDatabase> | undefined;

/** A log of 1,125 entries with published heads, in a database that no controller uses. The specs of a folder share it. */
async function createSealedDatabase(): Promise<SealedDatabase> {
  const key = newSigningKey();
  const url = await newDatabase();
  const env = sealing(key, { AUDIT_VERIFY_TILES_PER_MINUTE: '0', AUDIT_LOG_ORIGIN: ORIGIN });
  const mesh = await startTestApp({ databaseUrl: url, env });
  await routeTask(mesh, 'finance', 'manager');
  let size = 1;
  for (const next of HEADS) {
    const reports = times(Math.min(next - size, 1_000), () => REPORT);
    expect((await mesh.agent('legal').post('/audit/ingest', reports)).status).toBe(202);
    await untilSigned(mesh);
    size = next;
  }
  const heads = await mesh.query<{ checkpoint: string }>(
    'SELECT checkpoint FROM audit_heads WHERE size = ANY($1) ORDER BY size',
    [HEADS],
  );
  expect(heads).toHaveLength(HEADS.length);
  await mesh.close();
  closeAfterFolder(() => dropTestDatabase(url));
  return { url, key, published: heads.map(({ checkpoint }) => checkpoint) };
}

/** Copies of the sealed database of a `describe`, one for each test. */
export function useSealedCopies(): SealedCopies {
  const copies = new SealedCopies();
  beforeAll(async () => {
    shared ??= createSealedDatabase();
    copies.original = await shared;
  }, 60_000);
  afterEach(() => copies.drop());
  return copies;
}

/** Copies of a sealed database, which tests change. */
export class SealedCopies {
  /** The present copy. */
  url = '';
  private database?: SealedDatabase;

  set original(database: SealedDatabase) {
    this.database = database;
  }

  get original(): SealedDatabase {
    if (!this.database) throw new Error('The database is created in beforeAll.');
    return this.database;
  }

  get key(): string {
    return this.original.key;
  }

  get vkey(): string {
    return noteVerifier(ORIGIN, publicKeyOf(this.key)).vkey;
  }

  /** The heads that were published. */
  heads(): Checkpoint[] {
    return this.original.published.map((note) => openCheckpoint(note, this.key));
  }

  /** Makes a copy, and changes it as the owner of the database can who disables triggers. */
  async copy(...statements: string[]): Promise<void> {
    await this.drop();
    const name = decodeURIComponent(new URL(this.original.url).pathname.slice(1));
    this.url = await createTestDatabase(this.original.url, undefined, name);
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    await client.query('SET session_replication_role = replica');
    for (const statement of statements) await client.query(statement);
    await client.end();
  }

  async drop(): Promise<void> {
    if (this.url !== '') await dropTestDatabase(this.url);
    this.url = '';
  }

  async using<T>(
    work: (transactions: TransactionsService, dataSource: DataSource) => Promise<T>,
  ): Promise<T> {
    const dataSource = new DataSource(migrationOptions(this.url));
    await dataSource.initialize();
    try {
      return await work(new TransactionsService(dataSource), dataSource);
    } finally {
      await dataSource.destroy();
    }
  }

  /** Seals all rows as they are now, and signs the end if there is a key. */
  async seal(pem?: string): Promise<void> {
    await this.using(async (transactions) => {
      const logs = new AuditLogRepository();
      const growth = new LogGrowthService(logs, new AuditTilesRepository(), transactions);
      while ((await growth.grow())?.isFull === true);
      if (pem === undefined) return;
      await transactions.run(async (manager: EntityManager) => {
        const log = await logs.find(manager);
        if (!log) throw new Error('There is no log');
        const { origin, size, root } = log;
        const signer = signerOf(localKey(parseSigningKey(pem)), origin);
        const checkpoint = await signCheckpoint({ origin, size, root }, 1, signer);
        await new AuditHeadsRepository().insert(manager, log.log, { size, root, checkpoint });
      });
    });
  }

  /** Verifies the copy. Returns the findings, the notes and the exit code. */
  async verify(
    expectations: Partial<LogExpectations> = {},
  ): Promise<{ lines: string[]; notes: readonly string[]; code: number }> {
    const { findings, notes } = await verifyLog(this.url, this.key, expectations);
    return { lines: findings.map(findingLine), notes, code: exitCode(findings) };
  }
}

/** SQL for the event of an entry. */
export const event = (index: number): string =>
  `(SELECT event_id FROM event_log WHERE position = ${index + 1})`;

/** SQL that deletes the events of entries. */
export const deleted = (from: number, to = from): string => `
  DELETE FROM audit_events WHERE id IN
    (SELECT event_id FROM event_log WHERE position BETWEEN ${from + 1} AND ${to + 1})`;

export const EDIT = `UPDATE audit_events SET metadata = metadata || '{"amount": 1}' WHERE id = ${event(700)}`;
