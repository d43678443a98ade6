import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type EntityManager } from 'typeorm';
import { afterCommit, afterRollback } from '../../../src/database/transaction-hooks.js';
import { Deferred } from '../../../src/database/deferred.js';
import { databaseOptions } from '../../../src/database/database-options.js';
import type { RowLoader } from '../../../src/database/row-loader.js';
import { sql, queueSql, sqlWithCommit } from '../../../src/database/sql.js';
import { PreparedStatementNames } from '../../../src/database/prepared-statement-names.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { DomainError } from '../../../src/errors/domain-error.js';
import { withClient } from '../../support/catalog.js';
import { createTestDatabase, dropTestDatabase } from '../../support/postgres.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

let url: string;
const dataSources: DataSource[] = [];

describe('Transactions', () => {
  beforeAll(async () => {
    url = await createTestDatabase(process.env.TEST_POSTGRES_URL ?? '');
    await withClient(url, (client) =>
      client.query(`
      CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL UNIQUE);
      CREATE TABLE accounts (id integer PRIMARY KEY, amount integer NOT NULL)`),
    );
  });

  beforeEach(async () => {
    await withClient(url, (client) =>
      client.query(`
      TRUNCATE notes, accounts;
      INSERT INTO accounts VALUES (1, 100), (2, 100)`),
    );
  });

  afterEach(async () => {
    await Promise.all(dataSources.splice(0).map((dataSource) => dataSource.destroy()));
  });

  afterAll(async () => {
    await dropTestDatabase(url);
  });

  interface Options {
    poolSize?: number;
    /** Limits that differ from the application's own, in milliseconds. */
    limits?: Partial<ReturnType<typeof databaseOptions>['extra']>;
    through?: string;
    names?: PreparedStatementNames;
  }

  /** As the application has them. */
  async function open({ poolSize = 10, limits = {}, through = url, names }: Options = {}) {
    const options = databaseOptions(through, poolSize);
    const dataSource = await new DataSource({
      ...options,
      extra: { ...options.extra, ...limits },
    }).initialize();
    dataSources.push(dataSource);
    return new TransactionsService(dataSource, names);
  }

  const INSERT_NOTE = 'INSERT INTO notes (text) VALUES ($1) RETURNING text';

  const write = (manager: EntityManager, text: string): Promise<unknown> =>
    sql(manager, 'INSERT INTO notes (text) VALUES ($1)', [text]);

  const connectionOf = async (manager: EntityManager): Promise<number | undefined> =>
    (await sql<{ pid: number }>(manager, 'SELECT pg_backend_pid() AS pid'))[0]?.pid;

  /** What is committed, as another connection sees it. */
  async function notes(): Promise<string[]> {
    return withClient(url, async (client) => {
      const { rows } = await client.query<{ text: string }>('SELECT text FROM notes ORDER BY id');
      return rows.map(({ text }) => text);
    });
  }

  const withCode = (code: string): unknown => expect.objectContaining({ code });
  const UNAVAILABLE = withCode('database.unavailable');

  describe('Glances', () => {
    it('of one moment share a connection, and each has its own answer or error', async () => {
      const transactions = await open();
      const answers = await Promise.allSettled([
        transactions.readOne<{ pid: number }>('SELECT pg_backend_pid() AS pid, $1 AS n', ['1']),
        transactions.readOne(`SELECT $1::integer`, ['x']),
        transactions.readOne<{ pid: number }>('SELECT pg_backend_pid() AS pid, $1 AS n', ['2']),
        transactions.readOne('SELECT 1 / $1::integer', [0]),
        transactions.readOne<{ pid: number }>('SELECT pg_backend_pid() AS pid, $1 AS n', ['3']),
      ]);
      expect(answers).toMatchObject([
        { status: 'fulfilled', value: [{ n: '1' }] },
        { status: 'rejected', reason: { code: 'request.invalid' } },
        { status: 'fulfilled', value: [{ n: '2' }] },
        { status: 'rejected', reason: { code: 'request.invalid' } },
        { status: 'fulfilled', value: [{ n: '3' }] },
      ]);
    });

    it('take part in the transaction that is open around them', async () => {
      const transactions = await open({ poolSize: 1 });
      const seen = await transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: async () => {
          await transactions.run((manager) => write(manager, 'one'));
          return transactions.readOne('SELECT text FROM notes', []);
        },
        beforeCommit: (_manager, rows) => Promise.resolve(rows),
      });
      expect(seen).toEqual([{ text: 'one' }]);
    });

    it('fail together when their connection is lost, and the next ones have another', async () => {
      const transactions = await open({ poolSize: 1 });
      const lost = await Promise.allSettled([
        transactions.readOne('SELECT pg_terminate_backend(pg_backend_pid())', []),
        transactions.readOne('SELECT 1 AS one', []),
      ]);
      expect(lost[0]).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
      await expect(transactions.readOne('SELECT 1 AS one', [])).resolves.toEqual([{ one: 1 }]);
    });
  });

  describe('A transaction', () => {
    it('is committed when its work resolves, and gives what the work gives', async () => {
      const transactions = await open();

      expect(
        await transactions.run(async (manager) => {
          await write(manager, 'one');
          await write(manager, 'two');
          return 2;
        }),
      ).toBe(2);
      expect(await notes()).toEqual(['one', 'two']);
    });

    it('is rolled back when its work rejects, with the error of the work', async () => {
      const transactions = await open();
      const refusal = new DomainError('task.finished', 'The task has ended.');

      await expect(
        transactions.run(async (manager) => {
          await write(manager, 'one');
          throw refusal;
        }),
      ).rejects.toBe(refusal);
      expect(await notes()).toEqual([]);
    });

    it('that caught an error of the database is not taken for committed', async () => {
      const transactions = await open();

      await expect(
        transactions.run(async (manager) => {
          await write(manager, 'one');
          await sql(manager, 'SELECT 1 / 0').catch(() => undefined);
        }),
      ).rejects.toEqual(UNAVAILABLE);
      expect(await notes()).toEqual([]);
    });

    it('that fails only when it commits is a failure', async () => {
      const transactions = await open();
      await withClient(url, (client) =>
        client.query(`
        CREATE TABLE IF NOT EXISTS late (id integer,
          CONSTRAINT late_uq UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)`),
      );

      await expect(
        transactions.run((manager) => sql(manager, 'INSERT INTO late VALUES (1), (1)')),
      ).rejects.toMatchObject({ constraint: 'late_uq' });
    });

    it('runs statements that are started together in their order, and none after one that fails', async () => {
      const transactions = await open();
      const together = transactions.run((manager) =>
        Promise.all([
          write(manager, 'one'),
          sql(manager, 'SELECT text FROM notes'),
          write(manager, 'two'),
        ]),
      );
      expect(await together).toEqual([[], [{ text: 'one' }], []]);

      const failing = transactions.run((manager) =>
        Promise.allSettled([
          write(manager, 'three'),
          sql(manager, 'SELECT 1 / 0'),
          write(manager, 'four'),
        ]),
      );
      await expect(failing).rejects.toEqual(UNAVAILABLE);
      expect(await notes()).toEqual(['one', 'two']);
    });

    it('runs again when what travels along finds that somebody else was first', async () => {
      const transactions = await open();
      let made = 0;
      await transactions.run((manager) => {
        made += 1;
        const text = made === 1 ? 'taken' : 'free';
        queueSql(manager, 'INSERT INTO notes (text) VALUES ($1)', [text], 'notes_text_key');
        if (made === 1)
          queueSql(manager, 'INSERT INTO notes (text) VALUES ($1)', [text], 'notes_text_key');
        return Promise.resolve();
      });
      expect(made).toBe(2);
      expect(await notes()).toEqual(['free']);
    });

    it('that sends nothing leaves nothing to undo', async () => {
      const transactions = await open({ poolSize: 1 });
      await expect(transactions.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
      await transactions.run((manager) => write(manager, 'one'));
      expect(await notes()).toEqual(['one']);
    });

    it('commits what travels along with it, and fails with it', async () => {
      const transactions = await open();
      const along = (text: string): Promise<void> =>
        transactions.run((manager) => {
          queueSql(manager, 'INSERT INTO notes (text) VALUES ($1)', [text]);
          return Promise.resolve();
        });

      await along('one');
      await expect(along('one')).rejects.toMatchObject({ constraint: 'notes_text_key' });
      await along('two');
      expect(await notes()).toEqual(['one', 'two']);
    });

    it('gives what its last statement answers, which travels with COMMIT', async () => {
      const transactions = await open();
      const last = (manager: EntityManager) =>
        sqlWithCommit<{ text: string }>(manager, INSERT_NOTE, ['last']).map(
          (rows) => rows[0]?.text,
        );

      expect(await transactions.run((manager) => Promise.resolve(last(manager)))).toBe('last');
      await expect(transactions.run((manager) => Promise.resolve(last(manager)))).rejects.toThrow(
        'notes_text_key',
      );

      expect(await notes()).toEqual(['last']);
    });

    it('is rolled back when its work rejects after the statement that was to be the last', async () => {
      const transactions = await open();

      await expect(
        transactions.run((manager) => {
          sqlWithCommit(manager, INSERT_NOTE, ['last']);
          return Promise.reject(new Error('no'));
        }),
      ).rejects.toThrow('no');

      expect(await notes()).toEqual([]);
    });

    it('goes on when a migration has changed what a prepared statement answers', async () => {
      const transactions = await open();
      const read = (): Promise<unknown> =>
        transactions.run((manager) => sql(manager, 'SELECT * FROM changing'));
      await withClient(url, (client) => client.query('CREATE TABLE changing (id integer)'));
      await Promise.all(Array.from({ length: 10 }, read));

      await withClient(url, (client) => client.query('ALTER TABLE changing ADD COLUMN more text'));
      await expect(Promise.all(Array.from({ length: 10 }, read))).resolves.toHaveLength(10);
    });

    it('does without prepared statements where it is told to', async () => {
      const transactions = await open({ names: new PreparedStatementNames(false) });
      const prepared = await transactions.run(async (manager) => {
        await write(manager, 'one');
        return sql(manager, 'SELECT name FROM pg_prepared_statements');
      });
      expect(prepared).toEqual([]);
    });

    it('is refused as bad input when Postgres cannot store a value', async () => {
      const transactions = await open();

      await expect(transactions.run((manager) => sql(manager, `SELECT 'x'::uuid`))).rejects.toEqual(
        withCode('request.invalid'),
      );
    });

    it('runs again when it was the victim of a deadlock', async () => {
      const transactions = await open();
      let attempts = 0;
      const bothHoldOne = barrier(2);
      const transfer = (from: number, to: number): Promise<void> =>
        transactions.run(async (manager) => {
          attempts++;
          await sql(manager, 'UPDATE accounts SET amount = amount - 10 WHERE id = $1', [from]);
          await bothHoldOne();
          await sql(manager, 'UPDATE accounts SET amount = amount + 10 WHERE id = $1', [to]);
        });

      await Promise.all([transfer(1, 2), transfer(2, 1)]);

      expect(attempts).toBe(3);
      expect(await amounts()).toEqual([100, 100]);
    });

    it('runs again when it could not be serialized', async () => {
      const transactions = await open();
      let attempts = 0;
      const bothHaveRead = barrier(2);
      const add = (): Promise<void> =>
        transactions.run(async (manager) => {
          attempts++;
          await sql(manager, 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
          const [row] = await sql<{ amount: number }>(
            manager,
            'SELECT amount FROM accounts WHERE id = 1',
          );
          await bothHaveRead();
          await sql(manager, 'UPDATE accounts SET amount = $1 WHERE id = 1', [
            (row?.amount ?? 0) + 1,
          ]);
        });

      await Promise.all([add(), add()]);

      expect(attempts).toBe(3);
      expect(await amounts()).toEqual([102, 100]);
    });

    it('gives up after three attempts', async () => {
      const transactions = await open();
      let attempts = 0;

      await expect(
        transactions.run((manager) => {
          attempts++;
          return sql(manager, `DO $$ BEGIN RAISE SQLSTATE '40001'; END $$`);
        }),
      ).rejects.toEqual(UNAVAILABLE);
      expect(attempts).toBe(3);
    });
  });

  describe('Work on what it has seen', () => {
    const AMOUNT = 'SELECT amount FROM accounts WHERE id = 1';
    const CHANGE = `
      WITH change AS (UPDATE accounts SET amount = $2 WHERE id = 1 AND amount = $1 RETURNING amount)
      INSERT INTO notes (text) VALUES ((SELECT 'changed' FROM change))`;

    /** Looks at an account, and remembers how; `then` happens before what it has seen is given. */
    function account(then: () => Promise<unknown> = () => Promise.resolve()) {
      const looks: string[] = [];
      const look: RowLoader<number> = async (query, { forUpdate }) => {
        looks.push(forUpdate ? 'locked' : 'seen');
        const text = forUpdate ? `${AMOUNT} FOR UPDATE` : AMOUNT;
        const [row] = await query<{ amount: number }>(text, []);
        if (!forUpdate) await then();
        return row?.amount ?? 0;
      };
      return { look, looks };
    }

    const amount = () =>
      withClient(url, async (client) => (await client.query<{ amount: number }>(AMOUNT)).rows);

    it('locks nothing before it, and is one transaction', async () => {
      const transactions = await open();
      const { look, looks } = account();

      const before = await transactions.runOptimistic(look, async (manager, seen) => {
        await sql(manager, CHANGE, [seen, seen + 1], 'text');
        return seen;
      });

      expect([before, looks]).toEqual([100, ['seen']]);
      expect([await amount(), await notes()]).toEqual([[{ amount: 101 }], ['changed']]);
    });

    it.each([
      ['is done again, on what is locked, where that was out of date', sql],
      ['is done again where only the last statement, along with COMMIT, finds so', sqlWithCommit],
    ])('%s', async (_, send) => {
      const transactions = await open();
      const committed: number[] = [];
      const { look, looks } = account(() =>
        withClient(url, (client) => client.query('UPDATE accounts SET amount = 50 WHERE id = 1')),
      );

      await transactions.runOptimistic(look, async (manager, seen) => {
        afterCommit(manager, () => committed.push(seen));
        const sent = send(manager, CHANGE, [seen, seen + 1], 'text');
        return sent instanceof Deferred ? sent : Deferred.resolved(await sent);
      });

      expect([looks, committed]).toEqual([['seen', 'locked'], [50]]);
      expect([await amount(), await notes()]).toEqual([[{ amount: 51 }], ['changed']]);
    });

    it('fails with what its work throws, and with what is no lost race', async () => {
      const transactions = await open();
      const { look, looks } = account();
      const refusal = new DomainError('task.finished', 'The task has ended.');

      await expect(transactions.runOptimistic(look, () => Promise.reject(refusal))).rejects.toBe(
        refusal,
      );
      await expect(
        transactions.runOptimistic(look, (manager, seen) =>
          sql(manager, CHANGE, [seen + 1, 0], 'id'),
        ),
      ).rejects.toMatchObject({ driverError: { code: '23502', column: 'text' } });

      expect([looks, await amount()]).toEqual([['seen', 'seen'], [{ amount: 100 }]]);
    });

    it('locks at once in a shared transaction', async () => {
      const transactions = await open();
      const { look, looks } = account();

      await transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: () =>
          transactions.runOptimistic(look, (manager, seen) =>
            sql(manager, CHANGE, [seen, 7], 'text'),
          ),
        beforeCommit: () => Promise.resolve(),
      });

      expect([looks, await amount()]).toEqual([['locked'], [{ amount: 7 }]]);
    });
  });

  describe('What waits for the commit', () => {
    it('happens once it is committed', async () => {
      const transactions = await open();
      const seen: string[] = [];

      await transactions.run(async (manager) => {
        afterCommit(manager, () => seen.push('after'));
        await write(manager, 'one');
        seen.push('work');
      });

      expect(seen).toEqual(['work', 'after']);
    });

    it('does not happen when it is rolled back, and once when an attempt was in vain', async () => {
      const transactions = await open();
      const seen: number[] = [];
      let attempts = 0;

      await transactions.run(async (manager) => {
        const attempt = ++attempts;
        afterCommit(manager, () => seen.push(attempt));
        await write(manager, 'one');
        if (attempt === 1) await sql(manager, `DO $$ BEGIN RAISE SQLSTATE '40001'; END $$`);
      });
      await expect(
        transactions.run((manager) => {
          afterCommit(manager, () => seen.push(99));
          return Promise.reject(new Error('no'));
        }),
      ).rejects.toThrow('no');

      expect(seen).toEqual([2]);
    });
  });

  describe('What waits for the rollback', () => {
    it('happens once it is rolled back, when its connection is free again', async () => {
      const transactions = await open({ poolSize: 1 });

      await expect(
        transactions.run(async (manager) => {
          await write(manager, 'undone');
          afterRollback(manager, () => transactions.run((other) => write(other, 'stays')));
          throw new Error('no');
        }),
      ).rejects.toThrow('no');

      expect(await notes()).toEqual(['stays']);
    });

    it('happens to a shared transaction as well, once all of it is undone', async () => {
      const transactions = await open({ poolSize: 1 });
      const work = (): Promise<void> =>
        transactions.run(async (manager) => {
          await write(manager, 'undone');
          afterRollback(manager, () => transactions.run((other) => write(other, 'stays')));
          throw new Error('no');
        });

      await expect(
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work,
          beforeCommit: () => Promise.resolve(),
        }),
      ).rejects.toThrow('no');

      expect(await notes()).toEqual(['stays']);
    });

    it('does not happen when it is committed, and that it fails changes nothing', async () => {
      const transactions = await open();

      await transactions.run(async (manager) => {
        afterRollback(manager, () => transactions.run((other) => write(other, 'never')));
        await write(manager, 'one');
      });
      await expect(
        transactions.run((manager) => {
          afterRollback(manager, () => Promise.reject(new Error('another')));
          return Promise.reject(new Error('no'));
        }),
      ).rejects.toThrow('no');

      expect(await notes()).toEqual(['one']);
    });
  });

  describe('A shared transaction', () => {
    it('gives its works what their last statements answer, before it is committed', async () => {
      const transactions = await open();

      const told = await transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: () =>
          transactions.run((manager) =>
            Promise.resolve(sqlWithCommit<{ text: string }>(manager, INSERT_NOTE, ['one'])),
          ),
        beforeCommit: async (_manager, rows) => ({ rows, committed: await notes() }),
      });

      expect(told).toEqual({ rows: [{ text: 'one' }], committed: [] });
      expect(await notes()).toEqual(['one']);
    });

    it('runs begun, the works and finish on one connection, and commits them together', async () => {
      const transactions = await open();
      const order: string[] = [];
      const connections = new Set<number | undefined>();
      const step = async (manager: EntityManager, text: string): Promise<void> => {
        order.push(text);
        connections.add(await connectionOf(manager));
        await write(manager, text);
        expect(await notes()).toEqual([]);
      };

      const result = await transactions.runShared({
        onBegin: (manager) => step(manager, 'begun'),
        work: async () => {
          await transactions.run((manager) => step(manager, 'first'));
          await transactions.run(async (manager) => {
            await step(manager, 'second');
            await transactions.run((inner) => step(inner, 'nested'));
          });
          await transactions.read(async (manager) => {
            connections.add(await connectionOf(manager));
          });
          return 'value';
        },
        beforeCommit: async (manager, value) => {
          await step(manager, 'finish');
          return `the ${value}`;
        },
      });

      expect(result).toBe('the value');
      expect(order).toEqual(['begun', 'first', 'second', 'nested', 'finish']);
      expect(connections.size).toBe(1);
      expect(await notes()).toEqual(order);
    });

    it('is begun by the first work, not by a read before it', async () => {
      const transactions = await open();
      const order: string[] = [];

      await transactions.runShared({
        onBegin: () => {
          order.push('begun');
          return Promise.resolve();
        },
        work: async () => {
          await transactions.read((manager) => sql(manager, 'SELECT 1'));
          order.push('read');
          await transactions.run((manager) => write(manager, 'one'));
        },
        beforeCommit: () => Promise.resolve(),
      });

      expect(order).toEqual(['read', 'begun']);
    });

    it('lets a later read see what it wrote', async () => {
      const transactions = await open();

      const seen = await transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: async () => {
          await transactions.run((manager) => write(manager, 'one'));
          return transactions.read((manager) => sql(manager, 'SELECT text FROM notes'));
        },
        beforeCommit: (_, rows) => Promise.resolve(rows),
      });

      expect(seen).toEqual([{ text: 'one' }]);
    });

    it.each(['begun', 'work', 'finish'] as const)(
      'undoes everything when %s rejects',
      async (part) => {
        const transactions = await open();
        const failIn = (name: string): Promise<void> =>
          name === part ? Promise.reject(new Error(name)) : Promise.resolve();

        await expect(
          transactions.runShared({
            onBegin: async (manager) => {
              await write(manager, 'begun');
              await failIn('begun');
            },
            work: async () => {
              await transactions.run((manager) => write(manager, 'work'));
              await failIn('work');
            },
            beforeCommit: async (manager) => {
              await write(manager, 'finish');
              await failIn('finish');
            },
          }),
        ).rejects.toThrow(part);
        expect(await notes()).toEqual([]);
      },
    );

    it('leaves out what runs alone, which is committed whatever becomes of the rest', async () => {
      const transactions = await open();

      await expect(
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work: async () => {
            await transactions.run((manager) => write(manager, 'shared'));
            await transactions.runInNewTransaction((manager) => write(manager, 'alone'));
            throw new Error('no');
          },
          beforeCommit: () => Promise.resolve(),
        }),
      ).rejects.toThrow('no');
      expect(await notes()).toEqual(['alone']);
    });

    it('runs again as a whole after a serialization failure, and then commits once', async () => {
      const transactions = await open();
      let attempts = 0;
      const committed: number[] = [];

      await transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: () =>
          transactions.run(async (manager) => {
            const attempt = ++attempts;
            afterCommit(manager, () => committed.push(attempt));
            await write(manager, 'one');
            if (attempt === 1) await sql(manager, `DO $$ BEGIN RAISE SQLSTATE '40001'; END $$`);
          }),
        beforeCommit: () => Promise.resolve(),
      });

      expect(committed).toEqual([2]);
      expect(await notes()).toEqual(['one']);
    });

    it('that caught an error of the database is not taken for committed', async () => {
      const transactions = await open();

      await expect(
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work: () => transactions.run((manager) => sql(manager, 'SELECT 1 / 0').catch(() => [])),
          beforeCommit: () => Promise.resolve(),
        }),
      ).rejects.toEqual(UNAVAILABLE);
    });
  });

  describe('A pool of one connection', () => {
    it('serves many at once, one after the other', async () => {
      const transactions = await open({ poolSize: 1 });

      await Promise.all(
        Array.from({ length: 20 }, (_, number) =>
          transactions.run((manager) => write(manager, String(number))),
        ),
      );

      expect(await notes()).toHaveLength(20);
    });

    it('is enough for shared transactions, with reads before and after', async () => {
      const transactions = await open({ poolSize: 1 });
      const request = (text: string): Promise<void> =>
        transactions.runShared({
          onBegin: async (manager) => {
            await sql(manager, 'SELECT 1');
          },
          work: async () => {
            await transactions.read((manager) => sql(manager, 'SELECT 1'));
            await transactions.run((manager) => write(manager, text));
            await transactions.read((manager) => sql(manager, 'SELECT 1'));
            await transactions.run((manager) => write(manager, `${text} again`));
          },
          beforeCommit: async (manager) => {
            await sql(manager, 'SELECT 1');
          },
        });

      await Promise.all(['a', 'b', 'c', 'd', 'e'].map(request));

      expect(await notes()).toHaveLength(10);
    });

    it('is given back by all that fail', async () => {
      const transactions = await open({ poolSize: 1 });
      const failures = await Promise.allSettled([
        transactions.run(() => Promise.reject(new Error('work'))),
        transactions.run((manager) => sql(manager, 'SELECT 1 / 0').catch(() => [])),
        transactions.run((manager) => sql(manager, 'nonsense')),
        transactions.read((manager) => sql(manager, 'nonsense')),
        transactions.runShared({
          onBegin: () => Promise.reject(new Error('begun')),
          work: () => transactions.run((manager) => write(manager, 'one')),
          beforeCommit: () => Promise.resolve(),
        }),
      ]);

      expect(failures.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
      await transactions.run((manager) => write(manager, 'after'));
      expect(await notes()).toEqual(['after']);
    });

    it('refuses within its time to connect when it stays busy', async () => {
      const transactions = await open({ poolSize: 1 });
      let finish = (): void => undefined;
      const busy = transactions.run(() => new Promise<void>((resolve) => (finish = resolve)));
      const started = performance.now();

      await expect(transactions.run((manager) => sql(manager, 'SELECT 1'))).rejects.toEqual(
        UNAVAILABLE,
      );
      expect(performance.now() - started).toBeLessThan(3_000);
      finish();
      await busy;
    });
  });

  describe('When the database fails', () => {
    it.each(['run', 'read'] as const)(
      'a connection ended in the middle of a %s is a 503, and the next one works',
      async (method) => {
        const transactions = await open({ poolSize: 1 });

        await expect(
          transactions[method](async (manager) => {
            await terminate(await connectionOf(manager));
            await sql(manager, 'SELECT 1');
          }),
        ).rejects.toEqual(UNAVAILABLE);
        await transactions.run((manager) => write(manager, 'after'));
        expect(await notes()).toEqual(['after']);
      },
    );

    it('a connection ended in a shared transaction is a 503, and the next one works', async () => {
      const transactions = await open({ poolSize: 1 });

      await expect(
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work: () =>
            transactions.run(async (manager) => {
              await write(manager, 'lost');
              await terminate(await connectionOf(manager));
            }),
          beforeCommit: async (manager) => {
            await sql(manager, 'SELECT 1');
          },
        }),
      ).rejects.toEqual(UNAVAILABLE);
      await transactions.run((manager) => write(manager, 'after'));
      expect(await notes()).toEqual(['after']);
    });

    it('a connection that takes longer to open than a request waits serves a later request', async () => {
      const proxy = await TcpProxy.inFrontOf(url);
      try {
        const transactions = await open({ poolSize: 1, through: proxy.url(url) });
        await terminate(await transactions.read(connectionOf));
        // The handshake takes three round trips.
        proxy.latency = 250;
        await expect(transactions.read(connectionOf)).rejects.toEqual(UNAVAILABLE);
        await sleep(1_500);
        await transactions.run((manager) => write(manager, 'after'));
        expect(await notes()).toEqual(['after']);
      } finally {
        await proxy.close();
      }
    });

    it('an idle connection that was ended harms nobody', async () => {
      const transactions = await open({ poolSize: 1 });
      await terminate(await transactions.read(connectionOf));
      await new Promise((resolve) => setTimeout(resolve, 50));

      await transactions.run((manager) => write(manager, 'after'));

      expect(await notes()).toEqual(['after']);
    });

    it('a statement that takes too long is a 503 soon, and the connection stays', async () => {
      const transactions = await open({ poolSize: 1, limits: { statement_timeout: 100 } });
      const before = await transactions.read(connectionOf);
      const started = performance.now();

      await expect(
        transactions.run((manager) => sql(manager, 'SELECT pg_sleep(10)')),
      ).rejects.toEqual(UNAVAILABLE);

      expect(performance.now() - started).toBeLessThan(2_000);
      expect(await transactions.read(connectionOf)).toBe(before);
    });

    it('a row that is held too long is a 503 soon', async () => {
      const transactions = await open({ limits: { lock_timeout: 100 } });
      await withClient(url, async (client) => {
        await client.query('BEGIN; UPDATE accounts SET amount = 0 WHERE id = 1');

        await expect(
          transactions.run((manager) =>
            sql(manager, 'UPDATE accounts SET amount = 1 WHERE id = 1'),
          ),
        ).rejects.toEqual(UNAVAILABLE);
      });
    });

    it('a connection ended in the moment it was opened is a 503, and the next one works', async () => {
      const proxy = await Proxy.start();
      const transactions = await open({ poolSize: 1, through: proxy.url });
      await terminate(await transactions.read(connectionOf));
      await new Promise((resolve) => setTimeout(resolve, 50));
      proxy.endNext();

      await expect(transactions.run((manager) => write(manager, 'lost'))).rejects.toEqual(
        UNAVAILABLE,
      );

      await transactions.run((manager) => write(manager, 'after'));
      expect(await notes()).toEqual(['after']);
      await proxy.close();
    });

    it('a server that is not there is a 503', async () => {
      const proxy = await Proxy.start();
      const transactions = await open({ through: proxy.url });
      await proxy.close();

      await expect(transactions.read((manager) => sql(manager, 'SELECT 1'))).rejects.toEqual(
        UNAVAILABLE,
      );
    });
  });

  describe('When the answer to COMMIT is lost', () => {
    let proxy: Proxy;

    beforeEach(async () => {
      proxy = await Proxy.start();
    });

    afterEach(async () => {
      await proxy.close();
    });

    it('because the connection breaks, the outcome is called unknown', async () => {
      const transactions = await open({ poolSize: 1, through: proxy.url });
      const committed: string[] = [];
      proxy.onCommit = 'break';

      await expect(
        transactions.run(async (manager) => {
          afterCommit(manager, () => committed.push('one'));
          await write(manager, 'one');
        }),
      ).rejects.toMatchObject({ code: 'database.commit_unknown', extras: { retryAfter: 1 } });
      expect(committed).toEqual([]);
      // It was committed, in this case, and nobody tried it again.
      expect(await notes()).toEqual(['one']);

      proxy.onCommit = 'pass';
      await transactions.run((manager) => write(manager, 'two'));
      expect(await notes()).toEqual(['one', 'two']);
    });

    it('because nothing comes any more, the outcome is called unknown in time', async () => {
      const transactions = await open({
        poolSize: 1,
        through: proxy.url,
        limits: { query_timeout: 300 },
      });
      proxy.onCommit = 'swallow';
      const started = performance.now();

      await expect(transactions.run((manager) => write(manager, 'one'))).rejects.toEqual(
        withCode('database.commit_unknown'),
      );
      expect(performance.now() - started).toBeLessThan(2_000);

      proxy.onCommit = 'pass';
      await transactions.run((manager) => write(manager, 'two'));
      expect(await notes()).toEqual(['one', 'two']);
    });

    it('of a shared transaction, the outcome is called unknown', async () => {
      const transactions = await open({ through: proxy.url });
      proxy.onCommit = 'break';

      await expect(
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work: () => transactions.run((manager) => write(manager, 'one')),
          beforeCommit: () => Promise.resolve(),
        }),
      ).rejects.toEqual(withCode('database.commit_unknown'));
    });
  });

  describe('Every connection of the application', () => {
    it('is encrypted or none when the URL says so', async () => {
      await expect(open({ through: `${url}?sslmode=verify-full` })).rejects.toThrow(
        'The server does not support SSL connections',
      );
    });

    it.each([
      ['statement_timeout', '5s'],
      ['lock_timeout', '2s'],
      ['idle_in_transaction_session_timeout', '10s'],
      ['application_name', 'agent-mesh-controller'],
    ])('has %s = %s', async (name, value) => {
      const transactions = await open();

      expect(
        await transactions.read((manager) =>
          sql(manager, 'SELECT current_setting($1) AS value', [name]),
        ),
      ).toEqual([{ value }]);
    });
  });
});

/** Lets nobody on before `count` have come; whoever comes later goes right through. */
function barrier(count: number): () => Promise<void> {
  let missing = count;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return () => {
    if (--missing <= 0) open();
    return opened;
  };
}

async function amounts(): Promise<number[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ amount: number }>(
      'SELECT amount FROM accounts ORDER BY id',
    );
    return rows.map(({ amount }) => amount);
  });
}

async function terminate(pid: number | undefined): Promise<void> {
  await withClient(url, (client) => client.query('SELECT pg_terminate_backend($1, 5000)', [pid]));
}

// https://www.postgresql.org/docs/current/protocol-message-formats.html
const READY_FOR_QUERY = Buffer.from('Z\0\0\0\x05I');
const ADMIN_SHUTDOWN = Buffer.from('E\0\0\0\x13SFATAL\0C57P01\0\0');

/** Stands between the application and the server; when it is told to, it loses the answer to COMMIT or ends what connects. */
class Proxy {
  onCommit: 'pass' | 'break' | 'swallow' = 'pass';
  private endsNext = false;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (client: Socket) => {
      this.carry(client);
    });
  }

  static async start(): Promise<Proxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Proxy(server);
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP server');
    const through = new URL(url);
    through.host = `127.0.0.1:${address.port}`;
    return through.href;
  }

  /** Ends the next connection together with saying that it is ready. */
  endNext(): void {
    this.endsNext = true;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  private carry(client: Socket): void {
    const { hostname, port } = new URL(url);
    const server = connect(Number(port), hostname);
    let lost: typeof this.onCommit = 'pass';
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (data) => {
      if (data.includes('COMMIT')) lost = this.onCommit;
      server.write(data);
    });
    server.on('data', (data) => {
      if (lost === 'break') client.destroy();
      if (this.endsNext && data.includes(READY_FOR_QUERY)) {
        this.endsNext = false;
        client.end(Buffer.concat([data, ADMIN_SHUTDOWN]));
      } else if (lost === 'pass') client.write(data);
    });
  }
}
