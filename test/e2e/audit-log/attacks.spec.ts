import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EntityManager } from 'typeorm';
import { leafText } from '../../../packages/verify/src/leaf.js';
import { leafHash } from '../../../packages/verify/src/tree.js';
import { AuditLogRepository } from '../../../src/audit-log/audit-log.repository.js';
import { sql } from '../../../src/database/sql.js';
import { erase } from '../../../src/erasure/erasure.js';
import { erasureOf } from '../../../src/erasure/erasure-selection.js';
import { EventLogRepository } from '../../../src/events/event-log.repository.js';
import { EMPTIED, newSigningKey, ORIGIN } from '../../support/audit-log.js';
import { times } from '../../support/kit.js';
import { deleted, EDIT, event, useSealedCopies } from '../../support/sealed-database.js';

/** Moves the positions of entries, as if there had never been others. */
const shifted = (from: number, to: number, by: number): string => `
  UPDATE event_log SET position = position + 1000000 WHERE position BETWEEN ${from + 1} AND ${to + 1};
  UPDATE event_log SET position = position - 1000000 + ${by} WHERE position > 1000000`;

/** Swaps the positions of two entries. */
const swap = (one: number, other: number): string[] => [
  `UPDATE event_log SET position = 5000 WHERE position = ${one + 1}`,
  `UPDATE event_log SET position = ${one + 1} WHERE position = ${other + 1}`,
  `UPDATE event_log SET position = ${other + 1} WHERE position = 5000`,
];

const CUT = `
  ${deleted(1_100, 1_124)};
  DELETE FROM event_log WHERE position > 1100;
  UPDATE event_log_head SET last_position = 1100`;

/** Tiles and heads back to a size at which a head was published, and the rows after it sealed again without a head. */
const CUT_WITH_TILES = `${CUT};
  DELETE FROM audit_heads WHERE size > 1100;
  DELETE FROM audit_tiles WHERE level = 0 AND index > 4;
  UPDATE audit_tiles SET hashes = substring(hashes FROM 1 FOR (1100 - 1024) * 32) WHERE level = 0 AND index = 4`;

const KEEP_HEADS = `
  DELETE FROM audit_tiles; UPDATE audit_log SET size = 0, root = sha256('')`;

const changed = (index: number): RegExp =>
  new RegExp(`^INVALID entry ${index} was changed \\(event [0-9a-f-]{36}\\)$`);

/** Gives all events their positions. */
async function number(manager: EntityManager): Promise<void> {
  const eventLog = new EventLogRepository();
  const head = await eventLog.tryLock(manager);
  if (!head) throw new Error('The event log is locked');
  eventLog.number(manager, head.highest_n);
  await eventLog.getHead(manager);
}

describe('audit:verify, after a change by the owner of the database,', () => {
  const copies = useSealedCopies();
  const attack = (...statements: string[]): Promise<void> => copies.copy(...statements);

  /** The findings with the heads of the database only, or with those that were published. */
  async function verify(
    outside: boolean,
    maxUnsigned = Infinity,
  ): Promise<{ lines: string[]; code: number }> {
    const { lines, code } = await copies.verify({
      heads: outside ? copies.heads() : [],
      maxUnsigned,
    });
    return { lines, code };
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

  const COMMITMENTS = `jsonb_build_object('actor', 'x')`;

  /** Erases the event of an entry as npm run audit:erase does. */
  async function eraseEntry(index: number): Promise<void> {
    await copies.using(async (_, dataSource) => {
      const [row] = await dataSource.query<{ id: string }[]>(`SELECT ${event(index)} AS id`);
      await erase(dataSource, erasureOf(['--events', row?.id ?? '', '--reason', 'Request']));
    });
  }

  it('takes an erasure with its record, before and after the record is sealed', async () => {
    await copies.copy();
    await eraseEntry(700);
    await copies.using((transactions) => transactions.run(number));
    expect(await verify(true)).toEqual({ lines: [], code: 0 });
    await copies.seal(copies.key);
    const report = await copies.verify({ heads: copies.heads(), maxUnsigned: 0 });
    expect(report).toMatchObject({ lines: [], code: 0 });
    expect(report.notes).toContain('0 events are not sealed yet, 1 were erased');
  });

  it('finds an erasure whose record was removed', async () => {
    await copies.copy();
    await eraseEntry(700);
    await copies.using((_, dataSource) =>
      dataSource.query(`
        BEGIN;
        SET LOCAL session_replication_role = replica;
        DELETE FROM audit_events WHERE event_type = 'data_erased';
        COMMIT`),
    );
    await expectBoth(/^INVALID entry 700 was erased without an event data_erased \(event /);
  });

  it.each([
    ['an actor', `actor = 'mallory'`],
    ['text', `metadata = metadata || '{"told": "it was mallory"}'`],
    ['a salt', `salt = gen_random_uuid()`],
  ])('finds %s that was written to an erased event', async (_, set) => {
    await copies.copy();
    await eraseEntry(0);
    await copies.using((_transactions, dataSource) =>
      dataSource.query(`
        BEGIN;
        SET LOCAL session_replication_role = replica;
        ALTER TABLE audit_events DROP CONSTRAINT audit_events_erased_ck;
        UPDATE audit_events SET ${set} WHERE id = ${event(0)};
        COMMIT`),
    );
    await copies.using((transactions) => transactions.run(number));
    await expectBoth(changed(0));
  });

  it('finds an event that was erased with other commitments', async () => {
    await attack(`
      UPDATE audit_events SET erased = ${COMMITMENTS}, salt = NULL, actor = 'erased', metadata = '{}'
       WHERE id = ${event(700)}`);
    await expectBoth(changed(700), /^INVALID entry 700 was erased without an event data_erased/);
  });

  /** Attacks on one entry, with the SQL and the finding. */
  const ATTACKS = {
    edit: (index: number) => [`UPDATE audit_events SET role = 'x' WHERE id = ${event(index)}`],
    forge: (index: number) => [`UPDATE audit_events SET actor = 'x' WHERE id = ${event(index)}`],
    salt: (index: number) => [`UPDATE audit_events SET salt = NULL WHERE id = ${event(index)}`],
    delete: (index: number) => [deleted(index)],
    swap: () => [],
  } as const;

  it('names exactly the entries of random sequences of attacks', async () => {
    const kinds = fc.constantFrom('edit', 'forge', 'salt', 'delete', 'swap');
    const attacks = fc.uniqueArray(fc.record({ index: fc.nat(1_124), kind: kinds }), {
      selector: ({ index }) => index,
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(attacks, async (sequence) => {
        const swapped = sequence.filter(({ kind }) => kind === 'swap').map(({ index }) => index);
        const pairs = times(Math.floor(swapped.length / 2), (n) => swapped.slice(2 * n, 2 * n + 2));
        // A swap of neighbours is a move of one of them.
        fc.pre(pairs.every(([one = 0, other = 0]) => Math.abs(one - other) > sequence.length));
        await attack(
          `ALTER TABLE audit_events DROP CONSTRAINT audit_events_erased_ck`,
          ...sequence.flatMap(({ kind, index }) => ATTACKS[kind](index)),
          ...pairs.flatMap(([one = 0, other = 0]) => swap(one, other)),
        );
        const expected = sequence
          .filter(({ kind, index }) => kind !== 'swap' || pairs.flat().includes(index))
          .sort((a, b) => a.index - b.index)
          .map(({ kind, index }) => {
            if (kind === 'delete') return `INVALID entry ${index} is missing`;
            return expect.stringMatching(
              kind === 'swap' ? `^INVALID entry ${index} stands elsewhere` : changed(index),
            );
          });
        expect((await verify(true)).lines).toEqual(expected);
      }),
      { numRuns: 6 },
    );
  });

  it('finds the changes of a range of entries', async () => {
    await attack(EDIT, deleted(900));
    expect(await copies.verify({ range: { from: 512, to: 767 } })).toMatchObject({
      lines: [expect.stringMatching(changed(700))],
      code: 1,
      notes: [expect.any(String), 'entries 512 to 767 were compared, 0 were erased'],
    });
    expect(await copies.verify({ range: { from: 701, to: 899 } })).toMatchObject({ lines: [] });
    expect(await copies.verify({ range: { from: 701, to: Infinity } })).toMatchObject({
      lines: ['INVALID entry 900 is missing'],
    });
    for (const range of [
      { from: 0, to: 1_125 },
      { from: 1_125, to: Infinity },
    ]) {
      await expect(copies.verify({ range })).rejects.toThrow('has 1125 entries');
    }
    await expect(copies.verify({ origin: 'other' })).rejects.toThrow(`must be one of ${ORIGIN}`);
  });

  it('finds nothing without one', async () => {
    await copies.copy();
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
    await attack(...swap(700, 800));
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
    await copies.seal();
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
    await copies.using((transactions) =>
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

  it('finds a changed tile above the entries', async () => {
    await attack(`
      UPDATE audit_tiles SET hashes = overlay(hashes placing sha256('x') FROM 2 * 32 + 1)
       WHERE level = 1 AND index = 0`);
    await expectBoth('INVALID tile 0/2 does not hash to its parent: entries 512 to 767');
  });

  it('finds a missing tile, and compares the events of the others', async () => {
    await attack('DELETE FROM audit_tiles WHERE level = 0 AND index = 2', deleted(900));
    await expectBoth(
      'INVALID entry 900 is missing',
      'INVALID tile 0/2 does not have 256 hashes: entries 512 to 767',
    );
  });

  it('finds a log under another name by the heads from outside only', async () => {
    await attack(EDIT, EMPTIED, `UPDATE audit_log SET origin = 'other.example.com/audit/log'`);
    await copies.seal(copies.key);
    expect(await verify(false, 0)).toEqual({ lines: [], code: 0 });
    expect(await verify(true)).toEqual({
      lines: [
        `DIVERGED a head of 1125 of the log ${ORIGIN} was published, but the database has no such log`,
      ],
      code: 2,
    });
  });

  it('finds a rebuilt log by the heads that stayed', async () => {
    await attack(EDIT, KEEP_HEADS);
    await copies.seal();
    const stayed = 'INVALID tiles do not add up to the head of 1125';
    expect(await verify(false)).toEqual({ lines: [stayed], code: 1 });
    expect((await verify(true)).lines).toEqual([stayed, REBUILT]);
  });

  it('finds a log rebuilt with a new key', async () => {
    await attack(EDIT, EMPTIED);
    await copies.seal(newSigningKey());
    const unknown = 'INVALID no known key has signed the head of 1125';
    expect(await verify(false)).toEqual({ lines: [unknown], code: 1 });
    expect((await verify(true)).lines).toEqual([unknown, REBUILT]);
  });

  it('finds a log rebuilt with the stolen key by the heads from outside only', async () => {
    await attack(EDIT, EMPTIED);
    await copies.seal(copies.key);
    expect(await verify(false, 0)).toEqual({ lines: [], code: 0 });
    expect(await verify(true)).toEqual({ lines: [REBUILT], code: 2 });
  });

  it('finds a log cut and rebuilt with the stolen key by the heads from outside only', async () => {
    await attack(CUT, EMPTIED);
    await copies.seal(copies.key);
    expect(await verify(false, 0)).toEqual({ lines: [], code: 0 });
    expect((await verify(true)).lines).toEqual([
      'DIVERGED log ends at 1100; a head of 1125 was published: entries 1100 to 1124 were cut',
    ]);
  });
});

const REBUILT =
  'DIVERGED published head of 1033 is not of this log: rebuilt at or after entry 519, before 1033';
