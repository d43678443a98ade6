import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { type MigrationInterface, type QueryRunner } from 'typeorm';
import { MIGRATIONS } from '../../../migrations/index.js';
import { lacksMigrations, migrate } from '../../../src/database/migrate.js';
import {
  type Catalog,
  EMPTY,
  MIGRATIONS_TABLE,
  readCatalog,
  readRelations,
  withClient,
} from '../../support/catalog.js';
import {
  appliedMigrations,
  downOne,
  downToZero,
  dropDatabases,
  emptyDatabase,
  up,
  withMigrations,
} from '../../support/migrations.js';

const ROWS_OF_THE_FIRST_VERSION = `
  INSERT INTO tasks (id, task_type, description, from_role, to_role, trace_id, idempotency_key)
  VALUES ('00000000-0000-7000-8000-000000000001', 'budget', '', 'finance', 'manager',
          gen_random_uuid(), gen_random_uuid());
  INSERT INTO sessions (id, role, task_id, status)
  VALUES (gen_random_uuid(), 'finance', NULL, 'pending'),
         (gen_random_uuid(), 'finance', '00000000-0000-7000-8000-000000000001', 'completed'),
         (gen_random_uuid(), 'finance', gen_random_uuid(), 'failed'),
         (gen_random_uuid(), 'finance', NULL, 'expired');
  INSERT INTO approvals (id, task_id, approver_role, status)
  SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000001', 'legal', status
    FROM unnest(ARRAY['pending', 'approved', 'rejected']) AS status;
  INSERT INTO audit_events (id, event_type, role, trace_id)
  VALUES (gen_random_uuid(), 'task_routed', 'finance', gen_random_uuid())`;

class FailHalfway9999999999999 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`CREATE TABLE half_done (id integer)`);
    await db.query(`ALTER TABLE tasks DROP COLUMN context`);
    await db.query(`ALTER TABLE tasks DROP COLUMN no_such_column`);
  }

  down(): Promise<void> {
    return Promise.resolve();
  }
}

const THREE_EVENTS = `
  INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, metadata)
  SELECT gen_random_uuid(), 'task_routed', 'finance', 'agent', now(), gen_random_uuid(), '{}'
    FROM generate_series(1, 3)`;

/** What `migration:generate --check` looks at: the statements that would bring the schema to the entities. */
async function driftOf(url: string): Promise<string[]> {
  return withMigrations(url, MIGRATIONS, async (dataSource) => {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  });
}

/** `1764000000000-create-four-tables.ts` holds `CreateFourTables1764000000000`. */
function classNameOf(file: string): string {
  const [, timestamp = '', words = ''] = /^(\d{13})-([a-z0-9-]+)\.ts$/.exec(file) ?? [];
  const name = words.replace(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return `${name}${timestamp}`;
}

describe('migrations', () => {
  afterEach(dropDatabases);

  it('are listed in the order and under the names of their files', async () => {
    const files = (await readdir('migrations')).filter((name) => name !== 'index.ts').sort();

    expect(MIGRATIONS.map(({ name }) => name)).toEqual(files.map(classNameOf));
  });

  it('create the same schema after a full revert', async () => {
    const url = await emptyDatabase();
    await up(url);
    const first = await readCatalog(url);
    await downToZero(url);
    await up(url);

    expect(await readCatalog(url)).toEqual(first);
  });

  it('leave only the table of migrations after a full revert', async () => {
    const url = await emptyDatabase();
    await up(url);
    await downToZero(url);

    expect(await readCatalog(url)).toEqual(EMPTY);
    expect(await readRelations(url)).toEqual([MIGRATIONS_TABLE]);
    expect(await appliedMigrations(url)).toEqual([]);
  });

  it('each revert exactly what they did', async () => {
    const url = await emptyDatabase();
    const before: Catalog[] = [];
    for (const number of MIGRATIONS.keys()) {
      before.push(await readCatalog(url));
      await up(url, MIGRATIONS.slice(0, number + 1));
    }
    for (const expected of before.reverse()) {
      await downOne(url);
      expect(await readCatalog(url)).toEqual(expected);
    }
  });

  it('keep the rows of the first version', async () => {
    const url = await emptyDatabase();
    await up(url, MIGRATIONS.slice(0, 1));
    await withClient(url, (client) => client.query(ROWS_OF_THE_FIRST_VERSION));

    await up(url);

    const { rows } = await withClient(url, (client) =>
      client.query<{ status: string; attempt: number }>('SELECT status, attempt FROM task_states'),
    );
    expect(rows).toEqual([{ status: 'pending', attempt: 1 }]);
    const open = await withClient(url, (client) =>
      client.query<{ task_type: string }>(
        `SELECT task_type FROM sessions WHERE attempt IS NOT NULL AND status = 'pending'`,
      ),
    );
    expect(open.rows).toEqual([{ task_type: 'budget' }]);
    await downToZero(url);
  });

  it('give each audit event that exists a salt of its own, and refuse changes again', async () => {
    const url = await emptyDatabase();
    const names = MIGRATIONS.map(({ name }) => name);
    const salting = names.indexOf('SaltAuditEvents1764000030500');
    await up(url, MIGRATIONS.slice(0, salting - 1));
    await withClient(url, (client) => client.query(THREE_EVENTS));

    await up(url, MIGRATIONS.slice(0, salting));
    await withClient(url, (client) => client.query(THREE_EVENTS)); // as the previous version inserts them
    await up(url, MIGRATIONS.slice(0, salting + 1));

    await withClient(url, async (client) => {
      const { rows } = await client.query<{ salts: number }>(
        'SELECT count(DISTINCT salt)::int AS salts FROM audit_events',
      );
      expect(rows).toEqual([{ salts: 6 }]);
      for (const change of ['salt = NULL', 'salt = gen_random_uuid()', `actor = 'other'`]) {
        await expect(client.query(`UPDATE audit_events SET ${change}`)).rejects.toMatchObject({
          code: '42501',
        });
      }
    });
  });

  it('match the entities of TypeORM', async () => {
    const url = await emptyDatabase();
    await up(url);

    expect(await driftOf(url)).toEqual([]);
  });

  it('do not match the entities when a column and an index are missing', async () => {
    const url = await emptyDatabase();
    await up(url);
    await withClient(url, (client) =>
      client.query(`ALTER TABLE tasks DROP COLUMN context; DROP INDEX idx_sessions_status`),
    );

    expect(await driftOf(url)).toHaveLength(2);
  });

  it('change nothing when one of them fails', async () => {
    const url = await emptyDatabase();
    await up(url);
    const before = await readCatalog(url);
    const log = jest.spyOn(console, 'log').mockReturnValueOnce(); // TypeORM says it there, too

    await expect(up(url, [...MIGRATIONS, FailHalfway9999999999999])).rejects.toThrow(
      'does not exist',
    );
    log.mockRestore();

    expect(await readCatalog(url)).toEqual(before);
    expect(await appliedMigrations(url)).toEqual(MIGRATIONS.map(({ name }) => name));
  });

  it('are applied once when several processes start concurrently', async () => {
    const url = await emptyDatabase();

    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);

    expect(applied.sort()).toEqual([0, 0, MIGRATIONS.length].sort());
    expect(await appliedMigrations(url)).toEqual(MIGRATIONS.map(({ name }) => name));
    expect(await lacksMigrations(url)).toBe(false);
  });

  it('are missing from an empty database and from one of an earlier version', async () => {
    const url = await emptyDatabase();
    expect(await lacksMigrations(url)).toBe(true);
    await up(url, MIGRATIONS.slice(0, -1));
    expect(await lacksMigrations(url)).toBe(true);
  });

  it('create the four tables with the first migration', async () => {
    const url = await emptyDatabase();
    await up(url, MIGRATIONS.slice(0, 1));
    const { columns, constraints, indexes, ...others } = await readCatalog(url);

    expect(columns).toEqual([
      'approvals.id uuid NOT NULL',
      'approvals.task_id uuid NOT NULL',
      'approvals.approver_role character varying(50) NOT NULL',
      'approvals.status character varying(20) NOT NULL',
      'approvals.decision_at timestamp with time zone',
      "approvals.notes text NOT NULL DEFAULT ''::text",
      'approvals.created_at timestamp with time zone NOT NULL DEFAULT now()',
      'audit_events.id uuid NOT NULL',
      'audit_events.event_type character varying(50) NOT NULL',
      'audit_events.role character varying(50) NOT NULL',
      'audit_events.timestamp timestamp with time zone NOT NULL DEFAULT now()',
      'audit_events.trace_id uuid NOT NULL',
      "audit_events.metadata jsonb NOT NULL DEFAULT '{}'::jsonb",
      'sessions.id uuid NOT NULL',
      'sessions.role character varying(50) NOT NULL',
      'sessions.task_id uuid',
      'sessions.status character varying(20) NOT NULL',
      'sessions.created_at timestamp with time zone NOT NULL DEFAULT now()',
      'sessions.updated_at timestamp with time zone NOT NULL DEFAULT now()',
      "sessions.metadata jsonb NOT NULL DEFAULT '{}'::jsonb",
      'tasks.id uuid NOT NULL',
      'tasks.task_type character varying(50) NOT NULL',
      'tasks.description text NOT NULL',
      'tasks.from_role character varying(50) NOT NULL',
      'tasks.to_role character varying(50) NOT NULL',
      "tasks.data jsonb NOT NULL DEFAULT '{}'::jsonb",
      'tasks.trace_id uuid NOT NULL',
      'tasks.idempotency_key uuid NOT NULL',
      'tasks.created_at timestamp with time zone NOT NULL DEFAULT now()',
    ]);
    expect(constraints).toEqual([
      'approvals.approvals_pkey PRIMARY KEY (id)',
      'approvals.approvals_task_id_fk FOREIGN KEY (task_id) REFERENCES tasks(id) ON DELETE CASCADE',
      'audit_events.audit_events_pkey PRIMARY KEY (id)',
      'sessions.sessions_pkey PRIMARY KEY (id)',
      'tasks.tasks_pkey PRIMARY KEY (id)',
    ]);
    expect(indexes).toEqual(
      [
        'CREATE UNIQUE INDEX approvals_pkey ON public.approvals USING btree (id)',
        'CREATE UNIQUE INDEX audit_events_pkey ON public.audit_events USING btree (id)',
        'CREATE UNIQUE INDEX sessions_pkey ON public.sessions USING btree (id)',
        'CREATE UNIQUE INDEX tasks_pkey ON public.tasks USING btree (id)',
        'CREATE INDEX idx_sessions_task_id ON public.sessions USING btree (task_id)',
        'CREATE INDEX idx_sessions_status ON public.sessions USING btree (status)',
        'CREATE INDEX idx_sessions_created_at ON public.sessions USING btree (created_at DESC)',
        'CREATE UNIQUE INDEX idx_tasks_idempotency_key ON public.tasks USING btree (idempotency_key)',
        'CREATE INDEX idx_tasks_trace_id ON public.tasks USING btree (trace_id)',
        'CREATE INDEX idx_tasks_created_at ON public.tasks USING btree (created_at DESC)',
        'CREATE INDEX idx_approvals_task_id ON public.approvals USING btree (task_id)',
        'CREATE INDEX idx_approvals_status ON public.approvals USING btree (status)',
        'CREATE INDEX idx_audit_events_trace_id ON public.audit_events USING btree (trace_id)',
        'CREATE INDEX idx_audit_events_timestamp ON public.audit_events USING btree ("timestamp" DESC)',
        'CREATE INDEX idx_audit_events_event_type ON public.audit_events USING btree (event_type)',
      ].sort(),
    );
    expect(others).toEqual({ triggers: [], functions: [], views: [] });
  });
});
