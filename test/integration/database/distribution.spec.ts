import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newDatabase } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import {
  type ForeignKey,
  groupsOf,
  isConfined,
  isKeyInGroup,
  isUniqueInShard,
  locks,
  PLACEMENTS,
  placementOf,
  tablesOf,
  toStatement,
  type UniqueIndex,
  type Views,
} from '../../support/distribution.js';
import {
  ACROSS_GROUPS,
  COLUMNS,
  FOREIGN_KEYS,
  LOCKS,
  TRIGGERS,
  UNIQUE_INDEXES,
} from '../../support/distribution-exceptions.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { readStatements, type SourceStatement } from '../../support/sql-statements.js';

const PAGE = readFileSync('docs/operations/scaling.md', 'utf8');

interface Trigger {
  table: string;
  name: string;
  body: string;
  is_for_each_row: boolean;
}

describe('The distribution of the tables by task', () => {
  let url: string;
  let views: Views;
  let triggers: readonly Trigger[];
  let statements: readonly SourceStatement[];

  const read = <Row extends object>(text: string): Promise<Row[]> =>
    withClient(url, async (client) => (await client.query<Row>(text)).rows);

  beforeAll(async () => {
    url = await newDatabase();
    const used = await read<{ view: string; tables: string[] }>(VIEWS);
    views = Object.fromEntries(used.map(({ view, tables }) => [view, tables]));
    triggers = await read<Trigger>(TRIGGER_FUNCTIONS);
    statements = readStatements();
  });

  afterAll(() => dropTestDatabase(url));

  it('places each table', async () => {
    const tables = await read<{ name: string }>(TABLES);

    expect(tables.map(({ name }) => name)).toEqual(Object.keys(PLACEMENTS).sort());
  });

  it('has its column in each table, and a value in each row, or a plan', async () => {
    const columns = await read<{ table: string; column: string; is_required: boolean }>(COLUMNS_OF);
    const wrong = Object.entries(PLACEMENTS).flatMap(([table, placement]) => {
      if (!('column' in placement)) return [];
      const column = columns.find((one) => one.table === table && one.column === placement.column);
      return column?.is_required === true ? [] : [`${table}.${placement.column}`];
    });

    expectListed(wrong, COLUMNS, 'has no distribution column, or rows without a value in it');
  });

  it('has its column in each unique index, or a plan', async () => {
    const indexes = await read<UniqueIndex>(UNIQUE);
    const wrong = indexes.filter((index) => !isUniqueInShard(index)).map(({ name }) => name);

    expectListed(wrong, UNIQUE_INDEXES, 'is a unique index over several shards');
  });

  it('has its column in each foreign key, or a plan', async () => {
    const keys = await read<ForeignKey>(KEYS);
    const wrong = keys.filter((key) => !isKeyInGroup(key)).map(({ name }) => name);

    expectListed(wrong, FOREIGN_KEYS, 'is a foreign key to another shard or group');
  });

  it('lets triggers of rows use the tables of their group only, or has a plan', () => {
    const wrong = triggers.filter(({ table, name, body, is_for_each_row }) => {
      if (!('column' in placementOf(table))) return false;
      const used = groupsOf(toStatement(name, body), views);
      return !is_for_each_row || used.some((group) => group !== placementOf(table).group);
    });

    expectListed(
      wrong.map(({ name }) => name),
      TRIGGERS,
      'is a trigger of a statement, or uses tables of another group',
    );
  });

  it('finds the statements of all repositories', () => {
    const sites = statements.map(({ site }) => site);

    expect(sites).toContain('tasks/tasks.repository.ts insert');
    expect(sites.length).toBeGreaterThan(150);
    expect(
      statements.filter((statement) => tablesOf(statement, views).length > 0).length,
    ).toBeGreaterThan(140);
  });

  it('confines each lock to one shard, or has a plan', () => {
    const bodies = triggers.map(({ name, body }) => toStatement(`trigger ${name}`, body));
    const wrong = [...statements, ...bodies].filter(
      (statement) => locks(statement) && needsShards(statement) && !isConfined(statement, views),
    );

    expectListed(
      wrong.map(({ site }) => site),
      LOCKS,
      'locks rows or tables without the id of the task',
    );
  });

  it('keeps each statement in one group, or has a plan', () => {
    const wrong = statements.filter((statement) => groupsOf(statement, views).length > 1);

    expectListed(
      wrong.map(({ site }) => site),
      ACROSS_GROUPS,
      'uses tables of several groups',
    );
  });

  it('is on the page, with each index and key that needs a plan', () => {
    const missing = [...Object.keys(UNIQUE_INDEXES), ...Object.keys(FOREIGN_KEYS)].filter(
      (name) => !PAGE.includes(`\`${name}\``),
    );
    const tables = Object.keys(PLACEMENTS).filter((table) => !PAGE.includes(`\`${table}\``));

    expect({ missing, tables }).toEqual({ missing: [], tables: [] });
  });

  /** Whether a statement uses a distributed table, or a lock on a number, which each node has by itself. */
  function needsShards(statement: SourceStatement): boolean {
    const isDistributed = tablesOf(statement, views).some(
      (table) => 'column' in placementOf(table),
    );
    return isDistributed || statement.text.includes('advisory');
  }
});

describe('The check of the distribution', () => {
  const views = { task_states: ['tasks', 'sessions'] };
  const task = (text: string): SourceStatement => toStatement('x', text);

  it('finds unique indexes and foreign keys that span shards', () => {
    const index = { table: 'sessions', name: 'x', columns: ['role', 'id'] };
    const key = {
      table: 'approvals',
      name: 'x',
      columns: ['supersedes'],
      target: 'approvals',
      targetColumns: ['id'],
    };

    expect(isUniqueInShard(index)).toBe(false);
    expect(isUniqueInShard({ ...index, columns: ['task_id', null] })).toBe(true);
    expect(isUniqueInShard({ ...index, table: 'webhooks' })).toBe(true);
    expect(isKeyInGroup(key)).toBe(false);
    expect(isKeyInGroup({ ...key, columns: ['task_id'], target: 'tasks' })).toBe(true);
    expect(isKeyInGroup({ ...key, target: 'seen_roles' })).toBe(true);
    expect(isKeyInGroup({ ...key, target: 'webhooks' })).toBe(false);
    expect(isKeyInGroup({ ...key, table: 'seen_roles', target: 'tasks' })).toBe(false);
  });

  it('finds locks, and the statements that name their task', () => {
    const one = [
      'SELECT 1 FROM tasks WHERE id = $1 FOR KEY SHARE',
      'SELECT 1 FROM sessions s WHERE s.task_id = $1::uuid AND attempt = 1 FOR UPDATE',
      'PERFORM 1 FROM tasks t WHERE t.id = NEW.task_id FOR NO KEY UPDATE',
    ];
    const several = [
      'SELECT 1 FROM tasks WHERE id = ANY($1::uuid[]) FOR UPDATE',
      'SELECT * FROM sessions s WHERE s.id = $1 FOR UPDATE',
      'SELECT * FROM sessions a WHERE a.role = $1 LIMIT 1 FOR UPDATE SKIP LOCKED',
      'LOCK TABLE tasks IN SHARE MODE',
    ];

    expect([...one, ...several].filter((text) => !locks(task(text)))).toEqual([]);
    expect(one.filter((text) => !isConfined(task(text), views))).toEqual([]);
    expect(several.filter((text) => isConfined(task(text), views))).toEqual([]);
    expect(locks(task('UPDATE tasks SET data = $1'))).toBe(false);
  });

  it('finds the groups of tables, also through views', () => {
    const groups = (text: string): string[] => groupsOf(task(text), views);

    expect(groups('SELECT 1 FROM task_states s, role_pauses p WHERE s.task_id = $1')).toEqual([
      'task',
    ]);
    expect(groups('SELECT 1 FROM audit_events e JOIN event_log l ON l.event_id = e.id')).toEqual([
      'local',
      'task',
    ]);
    expect(groups('SELECT sessions FROM seen_roles')).toEqual([]);
  });
});

/** Expects each finding in a list of exceptions, and no other entry in it. */
function expectListed(
  found: readonly string[],
  listed: Readonly<Record<string, string>>,
  problem: string,
): void {
  const names = new Set(found);
  const unlisted = [...names].filter((name) => !(name in listed));
  expect({
    [`${problem}; change it, or add it with a plan to test/support/distribution-exceptions.ts`]:
      unlisted,
    'does not exist any more, or is correct; remove it from the list': Object.keys(listed).filter(
      (name) => !names.has(name),
    ),
  }).toEqual({
    [`${problem}; change it, or add it with a plan to test/support/distribution-exceptions.ts`]: [],
    'does not exist any more, or is correct; remove it from the list': [],
  });
}

const OURS = `c.relnamespace = 'public'::regnamespace AND c.relname <> 'migrations'`;

/** Partitions are placed with their table. */
const TABLES = `
  SELECT c.relname AS name FROM pg_class c
   WHERE ${OURS} AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`;

const COLUMNS_OF = `
  SELECT c.relname AS table, a.attname AS column, a.attnotnull AS is_required
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE ${OURS}`;

const UNIQUE = `
  SELECT c.relname AS table, n.relname AS name,
         ARRAY(SELECT a.attname::text
                 FROM generate_series(0, i.indnkeyatts - 1) AS place
                 LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[place]
                ORDER BY place) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
   WHERE i.indisunique AND NOT c.relispartition AND ${OURS}`;

const KEYS = `
  SELECT c.relname AS table, k.conname AS name, t.relname AS target,
         ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, place)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY place) AS columns,
         ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, place)
                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY place) AS "targetColumns"
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
   WHERE k.contype = 'f' AND NOT c.relispartition AND ${OURS}`;

const TRIGGER_FUNCTIONS = `
  SELECT c.relname AS table, t.tgname AS name, p.prosrc AS body, t.tgtype & 1 = 1 AS is_for_each_row
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
   WHERE NOT t.tgisinternal AND NOT c.relispartition AND ${OURS}`;

const VIEWS = `
  SELECT v.relname AS view, array_agg(DISTINCT c.relname::text) AS tables
    FROM pg_class v
    JOIN pg_rewrite r ON r.ev_class = v.oid
    JOIN pg_depend d ON d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid
    JOIN pg_class c ON c.oid = d.refobjid
   WHERE v.relkind = 'v' AND ${OURS.replaceAll('c.', 'v.')}
   GROUP BY v.relname`;
