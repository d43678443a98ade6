import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { MIGRATIONS } from '../../../migrations/index.js';
import { migrationOptions } from '../../../src/database/database-options.js';
import { lacksMigrations, migrate, MIGRATION_LOCK } from '../../../src/database/migrate.js';
import { ENTITIES } from '../../../src/entities.js';
import {
  type Catalog,
  EMPTY,
  MIGRATIONS_TABLE,
  readCatalog,
  readRelations,
  withClient,
} from '../../support/catalog.js';
import { createTestDatabase, dropTestDatabase } from '../../support/postgres.js';
import { programFile } from '../../support/program-file.js';

type Migrations = (new () => MigrationInterface)[];

const urls: string[] = [];

async function emptyDatabase(): Promise<string> {
  const url = await createTestDatabase(process.env.TEST_POSTGRES_URL ?? '');
  urls.push(url);
  return url;
}

/** Works with the database as a version of the service that has only these migrations would. */
async function withMigrations<T>(
  url: string,
  migrations: Migrations,
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const dataSource = await new DataSource({
    ...migrationOptions(url),
    migrations,
    entities: ENTITIES,
  }).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

const up = (url: string, migrations: Migrations = MIGRATIONS): Promise<unknown> =>
  withMigrations(url, migrations, (dataSource) => dataSource.runMigrations());

const downOne = (url: string): Promise<void> =>
  withMigrations(url, MIGRATIONS, (dataSource) => dataSource.undoLastMigration());

async function downToZero(url: string): Promise<void> {
  for (let left = MIGRATIONS.length; left > 0; left--) await downOne(url);
}

async function appliedTo(url: string): Promise<string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`,
    );
    return rows.map(({ name }) => name);
  });
}

describe('Migrations', () => {
  afterEach(async () => {
    await Promise.all(urls.splice(0).map(dropTestDatabase));
  });

  describe('The migrations', () => {
    it('are all listed, in the order of their files, under the names of their files', async () => {
      const files = (await readdir('migrations')).filter((name) => name !== 'index.ts').sort();

      expect(MIGRATIONS.map(({ name }) => name)).toEqual(files.map(classNameOf));
    });

    it('make the same schema again after they were all undone', async () => {
      const url = await emptyDatabase();
      await up(url);
      const first = await readCatalog(url);
      await downToZero(url);
      await up(url);

      expect(await readCatalog(url)).toEqual(first);
    });

    it('leave nothing but the table of migrations when they are all undone', async () => {
      const url = await emptyDatabase();
      await up(url);
      await downToZero(url);

      expect(await readCatalog(url)).toEqual(EMPTY);
      expect(await readRelations(url)).toEqual([MIGRATIONS_TABLE]);
      expect(await appliedTo(url)).toEqual([]);
    });

    it('each undo exactly what they did', async () => {
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

    it('take along the rows of the first version', async () => {
      const url = await emptyDatabase();
      await up(url, MIGRATIONS.slice(0, 1));
      await withClient(url, (client) => client.query(ROWS_OF_THE_FIRST_VERSION));

      await up(url);

      const { rows } = await withClient(url, (client) =>
        client.query<{ status: string; attempt: number }>(
          'SELECT status, attempt FROM task_states',
        ),
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

    it('leave nothing for TypeORM to change towards the entities', async () => {
      const url = await emptyDatabase();
      await up(url);

      expect(await driftOf(url)).toEqual([]);
    });

    it('would be told by that check that a column and an index are missing', async () => {
      const url = await emptyDatabase();
      await up(url);
      await withClient(url, (client) =>
        client.query(`ALTER TABLE tasks DROP COLUMN context; DROP INDEX idx_sessions_status`),
      );

      expect(await driftOf(url)).toHaveLength(2);
    });

    it('leave nothing half done when one of them fails', async () => {
      const url = await emptyDatabase();
      await up(url);
      const before = await readCatalog(url);
      const log = jest.spyOn(console, 'log').mockReturnValueOnce(); // TypeORM says it there, too

      await expect(up(url, [...MIGRATIONS, FailHalfway9999999999999])).rejects.toThrow(
        'does not exist',
      );
      log.mockRestore();

      expect(await readCatalog(url)).toEqual(before);
      expect(await appliedTo(url)).toEqual(MIGRATIONS.map(({ name }) => name));
    });

    it('are applied once when several processes start at once', async () => {
      const url = await emptyDatabase();

      const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);

      expect(applied.sort()).toEqual([0, 0, MIGRATIONS.length].sort());
      expect(await appliedTo(url)).toEqual(MIGRATIONS.map(({ name }) => name));
      expect(await lacksMigrations(url)).toBe(false);
    });

    it('are missing from an empty database, and from one of an earlier version', async () => {
      const url = await emptyDatabase();
      expect(await lacksMigrations(url)).toBe(true);
      await up(url, MIGRATIONS.slice(0, -1));
      expect(await lacksMigrations(url)).toBe(true);
    });
  });

  describe('The first migration', () => {
    it('makes the four tables', async () => {
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

  describe('The command line of TypeORM', () => {
    /** Runs a command as `npm run migration:…` does, told nothing but which database; gives what it prints. */
    async function typeorm(url: string, command: string, ...args: string[]): Promise<string> {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [resolve('node_modules/typeorm/cli.js'), command, '-d', 'src/data-source.js', ...args],
        { cwd: programFile('.'), env: { PATH: process.env.PATH, DATABASE_URL: url } },
      );
      return stdout;
    }

    it('shows, applies and reverts the migrations of a new database', async () => {
      const url = await emptyDatabase();
      const [last] = MIGRATIONS.slice(-1);

      expect(await typeorm(url, 'migration:show')).toContain(`[ ] ${last?.name ?? ''}`);
      await typeorm(url, 'migration:run');
      expect(await appliedTo(url)).toEqual(MIGRATIONS.map(({ name }) => name));
      expect(await typeorm(url, 'migration:show')).not.toContain('[ ]');

      await typeorm(url, 'migration:revert');
      expect(await appliedTo(url)).toEqual(MIGRATIONS.slice(0, -1).map(({ name }) => name));
    }, 120_000);

    it('waits for whoever migrates', async () => {
      const url = await emptyDatabase();
      const other = new pg.Client({ connectionString: url });
      await other.connect();
      await other.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      const run = typeorm(url, 'migration:run');
      const waits = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
      while ((await other.query(waits)).rows.length === 0) await sleep(50);
      expect(await lacksMigrations(url)).toBe(true);
      await other.end();
      await run;
      expect(await lacksMigrations(url)).toBe(false);
    }, 120_000);

    it('finds no difference between the schema and the entities', async () => {
      const url = await emptyDatabase();
      await up(url);

      expect(await typeorm(url, 'migration:generate', 'migrations/drift', '--check')).toContain(
        'No changes in database schema were found',
      );
    }, 120_000);
  });
});

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
