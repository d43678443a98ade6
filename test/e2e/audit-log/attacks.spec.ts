import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { exitCode, findingLine } from '../../../packages/verify/src/findings.js';
import { leafText } from '../../../packages/verify/src/leaf.js';
import { noteVerifier, parseNote, signCheckpoint } from '../../../packages/verify/src/note.js';
import { leafHash } from '../../../packages/verify/src/tree.js';
import { AuditHeadsRepository } from '../../../src/audit-log/audit-heads.repository.js';
import { AuditLogRepository } from '../../../src/audit-log/audit-log.repository.js';
import { AuditTilesRepository } from '../../../src/audit-log/audit-tiles.repository.js';
import { LogGrowthService } from '../../../src/audit-log/log-growth.service.js';
import { openHead } from '../../../src/audit-log/open-head.js';
import { localKey, signerOf } from '../../../src/audit-log/signing-key.js';
import { LogVerification } from '../../../src/audit-log/verification/log-verification.js';
import { parseSigningKey } from '../../../src/config/audit-signing-key.js';
import { migrationOptions } from '../../../src/database/database-options.js';
import { sql } from '../../../src/database/sql.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { newDatabase, startTestApp } from '../../support/app.js';
import { newSigningKey, publicKeyOf, sealing, untilSigned } from '../../support/audit-log.js';
import { routeTask, times } from '../../support/kit.js';
import { createTestDatabase, dropTestDatabase } from '../../support/postgres.js';

/** Sizes of the heads that were published. */
const HEADS = [81, 140, 240, 519, 1_033, 1_125];

const REPORT = { source: 'test', category: 'attack', action: 'target' };

/** SQL for the event of an entry. */
const event = (index: number): string =>
  `(SELECT event_id FROM event_log WHERE position = ${index + 1})`;

const deleted = (from: number, to = from): string => `
  DELETE FROM audit_events WHERE id IN
    (SELECT event_id FROM event_log WHERE position BETWEEN ${from + 1} AND ${to + 1})`;

/** Moves the positions of entries, as if there had never been others. */
const shifted = (from: number, to: number, by: number): string => `
  UPDATE event_log SET position = position + 1000000 WHERE position BETWEEN ${from + 1} AND ${to + 1};
  UPDATE event_log SET position = position - 1000000 + ${by} WHERE position > 1000000`;

const CUT = `
  ${deleted(1_100, 1_124)};
  DELETE FROM event_log WHERE position > 1100;
  UPDATE event_log_head SET last_position = 1100`;

/** Tiles and heads back to a size at which a head was published, and the rows after it sealed again without a head. */
const CUT_WITH_TILES = `${CUT};
  DELETE FROM audit_heads WHERE size > 1100;
  DELETE FROM audit_tiles WHERE level = 0 AND index > 4;
  UPDATE audit_tiles SET hashes = substring(hashes FROM 1 FOR (1100 - 1024) * 32) WHERE level = 0 AND index = 4`;

const EMPTIED = `
  DELETE FROM audit_heads; DELETE FROM audit_tiles;
  UPDATE audit_log SET size = 0, root = sha256('')`;

const KEEP_HEADS = `
  DELETE FROM audit_tiles; UPDATE audit_log SET size = 0, root = sha256('')`;

const EDIT = `UPDATE audit_events SET metadata = metadata || '{"amount": 1}' WHERE id = ${event(700)}`;
const changed = (index: number): RegExp =>
  new RegExp(`^INVALID entry ${index} was changed \\(event [0-9a-f-]{36}\\)$`);

describe('audit:verify, after a change by the owner of the database,', () => {
  const key = newSigningKey();
  let original: string;
  let published: string[];
  let target: string;

  beforeAll(async () => {
    original = await newDatabase();
    const mesh = await startTestApp({
      databaseUrl: original,
      env: sealing(key, { AUDIT_VERIFY_TILES_PER_MINUTE: '0' }),
    });
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
    published = heads.map(({ checkpoint }) => checkpoint);
    expect(published).toHaveLength(HEADS.length);
    await mesh.close();
  }, 60_000);

  afterEach(async () => {
    if (target) await dropTestDatabase(target);
  });
  afterAll(async () => {
    await dropTestDatabase(original);
  });

  async function copy(): Promise<void> {
    const name = decodeURIComponent(new URL(original).pathname.slice(1));
    target = await createTestDatabase(original, undefined, name);
  }

  async function attack(...statements: string[]): Promise<void> {
    await copy();
    const client = new pg.Client({ connectionString: target });
    await client.connect();
    await client.query('SET session_replication_role = replica');
    for (const statement of statements) await client.query(statement);
    await client.end();
  }

  async function using<T>(work: (transactions: TransactionsService) => Promise<T>): Promise<T> {
    const dataSource = new DataSource(migrationOptions(target));
    await dataSource.initialize();
    try {
      return await work(new TransactionsService(dataSource));
    } finally {
      await dataSource.destroy();
    }
  }

  /** Seals all rows as they are now, and signs heads with a key. */
  async function rebuild(pem: string, sizes: readonly number[]): Promise<void> {
    await using(async (transactions) => {
      const logs = new AuditLogRepository();
      const growth = new LogGrowthService(logs, new AuditTilesRepository(), transactions);
      while ((await growth.grow())?.isFull === true);
      if (sizes.length === 0) return;
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

  /** The findings, and the exit code, with the heads of the database only or with those that were published. */
  async function verify(
    outside: boolean,
    maxUnsigned = Infinity,
  ): Promise<{ lines: string[]; code: number }> {
    const verifiers = (origin: string) => [noteVerifier(origin, publicKeyOf(key))];
    const open = (note: string, origin: string) => openHead(note, origin, verifiers(origin));
    const heads = published.flatMap((note) => {
      const [origin = ''] = parseNote(note).text.split('\n');
      return open(note, origin) ?? [];
    });
    const verification = new LogVerification(
      new AuditLogRepository(),
      new AuditTilesRepository(),
      new AuditHeadsRepository(),
      { heads: outside ? heads : [], maxUnsigned, open },
    );
    const { findings } = await using((transactions) =>
      transactions.read((manager) => verification.run(manager)),
    );
    return { lines: findings.map(findingLine), code: exitCode(findings) };
  }

  async function expectBoth(...lines: (string | RegExp)[]): Promise<void> {
    for (const outside of [false, true]) {
      const report = await verify(outside);
      expect(report.lines).toEqual(
        lines.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))),
      );
      expect(report.code).toBe(1);
    }
  }

  it('finds nothing without one', async () => {
    await copy();
    expect(await verify(false)).toEqual({ lines: [], code: 0 });
    expect(await verify(true, 0)).toEqual({ lines: [], code: 0 });
  });

  it.each([
    ['metadata', EDIT],
    ['the actor', `UPDATE audit_events SET actor = 'other' WHERE id = ${event(700)}`],
    ['the role', `UPDATE audit_events SET role = 'other' WHERE id = ${event(700)}`],
    [
      'a microsecond of the time',
      `UPDATE audit_events SET timestamp = timestamp + interval '1 microsecond' WHERE id = ${event(700)}`,
    ],
    ['the salt', `UPDATE audit_events SET salt = gen_random_uuid() WHERE id = ${event(700)}`],
  ])('finds an edit of %s', async (_, statement) => {
    await attack(statement);
    await expectBoth(changed(700));
  });

  it('finds a deleted event, and ten', async () => {
    await attack(deleted(700));
    await expectBoth('INVALID entry 700 is missing');
    await dropTestDatabase(target);
    await attack(deleted(700, 709));
    await expectBoth(...times(10, (n) => `INVALID entry ${700 + n} is missing`));
  });

  it('finds a deleted event whose place was closed', async () => {
    await attack(
      deleted(700),
      'DELETE FROM event_log WHERE position = 701',
      shifted(701, 1_124, -1),
      'UPDATE event_log_head SET last_position = 1124',
    );
    await expectBoth('INVALID entry 700 is missing');
  });

  const INSERTED = `
    INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, metadata, n, salt)
    SELECT '00000000-0000-7000-8000-000000000001', 'agent.a.b', 'legal', 'x', timestamp, trace_id, '{}', 1, salt
      FROM audit_events WHERE id = ${event(700)}`;

  it('finds an inserted event that was given a place', async () => {
    await attack(
      INSERTED,
      shifted(700, 1_124, 1),
      `INSERT INTO event_log VALUES (701, '00000000-0000-7000-8000-000000000001')`,
    );
    await expectBoth(
      'INVALID event 00000000-0000-7000-8000-000000000001 was inserted before entry 700',
    );
  });

  it('finds an inserted event that the event log does not contain', async () => {
    await attack(INSERTED);
    await expectBoth(
      'INVALID event 00000000-0000-7000-8000-000000000001 was inserted without a position',
    );
  });

  it('finds a moved event', async () => {
    await attack(
      'UPDATE event_log SET position = 5000 WHERE position = 701',
      shifted(701, 900, -1),
      'UPDATE event_log SET position = 901 WHERE position = 5000',
    );
    await expectBoth(/^INVALID entry 700 stands elsewhere/);
  });

  it('finds two events that swapped their places', async () => {
    await attack(
      'UPDATE event_log SET position = 5000 WHERE position = 701',
      'UPDATE event_log SET position = 701 WHERE position = 801',
      'UPDATE event_log SET position = 801 WHERE position = 5000',
    );
    await expectBoth(/^INVALID entry 700 stands elsewhere/, /^INVALID entry 800 stands elsewhere/);
  });

  it('finds two events that swapped their contents', async () => {
    await attack(`
      UPDATE audit_events e SET timestamp = o.timestamp, salt = o.salt, metadata = o.metadata
        FROM audit_events o
       WHERE (e.id = ${event(700)} AND o.id = ${event(800)}) OR (e.id = ${event(800)} AND o.id = ${event(700)})`);
    await expectBoth(changed(700), changed(800));
  });

  it('finds a cut end', async () => {
    await attack(CUT);
    await expectBoth(...times(25, (n) => `INVALID entry ${1_100 + n} is missing`));
  });

  it('finds a cut end with its tiles by the heads from outside only', async () => {
    await attack(CUT_WITH_TILES, EMPTIED.replace('DELETE FROM audit_heads;', ''));
    await rebuild(key, []);
    expect(await verify(false)).toEqual({ lines: [], code: 0 });
    expect(await verify(false, 0)).toEqual({
      lines: ['INCOMPLETE 67 entries follow the last head'],
      code: 3,
    });
    expect(await verify(true)).toEqual({
      lines: [
        'DIVERGED log ends at 1100; a head of 1125 was published: entries 1100 to 1124 were cut',
      ],
      code: 2,
    });
  });

  it('finds an edit with the hash of its entry', async () => {
    await attack(EDIT);
    await using((transactions) =>
      transactions.run(async (manager: EntityManager) => {
        const { rows } = await new AuditLogRepository().listRows(manager, 701, 701);
        const [hash] = rows.map((row) => leafHash(leafText(row)).toString('hex'));
        await sql(
          manager,
          `UPDATE audit_tiles SET hashes = overlay(hashes placing decode($1, 'hex') FROM (700 - 512) * 32 + 1)
            WHERE level = 0 AND index = 2`,
          [hash],
        );
      }),
    );
    await expectBoth('INVALID tile 0/2 does not hash to its parent: entries 512 to 767');
  });

  it('finds a rebuilt log by the heads that stayed', async () => {
    await attack(EDIT, KEEP_HEADS);
    await rebuild(key, []);
    const stayed = 'INVALID tiles do not add up to the head of 1125';
    expect(await verify(false)).toEqual({ lines: [stayed], code: 1 });
    expect((await verify(true)).lines).toEqual([stayed, REBUILT]);
  });

  it('finds a log rebuilt with a new key', async () => {
    await attack(EDIT, EMPTIED);
    await rebuild(newSigningKey(), [1_125]);
    const unknown = 'INVALID no known key has signed the head of 1125';
    expect(await verify(false)).toEqual({ lines: [unknown], code: 1 });
    expect((await verify(true)).lines).toEqual([unknown, REBUILT]);
  });

  it('finds a log rebuilt with the stolen key by the heads from outside only', async () => {
    await attack(EDIT, EMPTIED);
    await rebuild(key, [1_125]);
    expect(await verify(false, 0)).toEqual({ lines: [], code: 0 });
    expect(await verify(true)).toEqual({ lines: [REBUILT], code: 2 });
  });

  it('finds a log cut and rebuilt with the stolen key by the heads from outside only', async () => {
    await attack(CUT, EMPTIED);
    await rebuild(key, [1_100]);
    expect(await verify(false, 0)).toEqual({ lines: [], code: 0 });
    expect((await verify(true)).lines).toEqual([
      'DIVERGED log ends at 1100; a head of 1125 was published: entries 1100 to 1124 were cut',
    ]);
  });
});

const REBUILT =
  'DIVERGED published head of 1033 is not of this log: rebuilt at or after entry 519, before 1033';
