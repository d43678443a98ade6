import { describe, expect, it } from '@jest/globals';
import { afterCommit, afterRollback } from '../../../src/database/transaction-hooks.js';
import { Deferred, sql, sqlWithCommit } from '../../../src/database/sql.js';
import type { RowLoader, Versioned } from '../../../src/database/row-loader.js';
import { DomainError } from '../../../src/errors/domain-error.js';
import { withClient } from '../../support/catalog.js';
import {
  insertNote,
  UNAVAILABLE,
  useTransactionsDatabase,
} from '../../support/transactions-database.js';

describe('TransactionsService: lookups and hooks', () => {
  const db = useTransactionsDatabase();

  const AMOUNT = 'SELECT amount FROM accounts WHERE id = 1';

  /** An account whose amount is its version. */
  const ACCOUNT = 'SELECT amount AS version FROM accounts WHERE id = 1';

  const CHANGE = `
  WITH change AS (UPDATE accounts SET amount = $2 WHERE id = 1 AND amount = $1 RETURNING amount)
  INSERT INTO notes (text) VALUES ((SELECT 'changed' FROM change))`;

  /** The failure of {@link CHANGE} if another transaction has changed the amount. */
  const NOT_NULL = { sqlstate: '23502' };

  /** Loads the amount, and records with which lock; `then` runs before an unlocked read returns. */
  function account(then: () => Promise<unknown> = () => Promise.resolve()) {
    const looks: string[] = [];
    const look: RowLoader<Versioned> = async (query, { forUpdate }) => {
      looks.push(forUpdate ? 'locked' : 'seen');
      const text = forUpdate ? `${ACCOUNT} FOR UPDATE` : ACCOUNT;
      const [row] = await query<Versioned>(text, []);
      if (!forUpdate) await then();
      return row ?? { version: 0 };
    };
    return { look, looks };
  }

  const amount = () =>
    withClient(db.url, async (client) => (await client.query<{ amount: number }>(AMOUNT)).rows);

  describe('readOne', () => {
    it('sends concurrent lookups on one connection, each with its own result', async () => {
      const transactions = await db.open();
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

    it('reads in the open transaction', async () => {
      const transactions = await db.open({ poolSize: 1 });
      const seen = await transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: async () => {
          await transactions.run((manager) => insertNote(manager, 'one'));
          return transactions.readOne('SELECT text FROM notes', []);
        },
        beforeCommit: (_manager, rows) => Promise.resolve(rows),
      });
      expect(seen).toEqual([{ text: 'one' }]);
    });

    it('rejects all lookups of a lost connection, and opens another for the next', async () => {
      const transactions = await db.open({ poolSize: 1 });
      const lost = await Promise.allSettled([
        transactions.readOne('SELECT pg_terminate_backend(pg_backend_pid())', []),
        transactions.readOne('SELECT 1 AS one', []),
      ]);
      expect(lost[0]).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
      await expect(transactions.readOne('SELECT 1 AS one', [])).resolves.toEqual([{ one: 1 }]);
    });
  });

  describe('runOptimistic', () => {
    it('reads without a lock, and runs one transaction', async () => {
      const transactions = await db.open();
      const { look, looks } = account();

      const before = await transactions.runOptimistic(look, async (manager, { version: seen }) => {
        await sql(manager, CHANGE, [seen, seen + 1], NOT_NULL);
        return seen;
      });

      expect([before, looks]).toEqual([100, ['seen']]);
      expect([await amount(), await db.notes()]).toEqual([[{ amount: 101 }], ['changed']]);
    });

    it.each([
      ['retries with a lock after a conflict', sql],
      ['retries with a lock after a conflict in the last statement', sqlWithCommit],
    ])('%s', async (_, send) => {
      const transactions = await db.open();
      const committed: number[] = [];
      const { look, looks } = account(() =>
        withClient(db.url, (client) =>
          client.query('UPDATE accounts SET amount = 50 WHERE id = 1'),
        ),
      );

      await transactions.runOptimistic(look, async (manager, { version: seen }) => {
        afterCommit(manager, () => committed.push(seen));
        const sent = send(manager, CHANGE, [seen, seen + 1], NOT_NULL);
        return sent instanceof Deferred ? sent : Deferred.resolved(await sent);
      });

      expect([looks, committed]).toEqual([['seen', 'locked'], [50]]);
      expect([await amount(), await db.notes()]).toEqual([[{ amount: 51 }], ['changed']]);
    });

    it('rejects with the error of the work, and with errors that are not conflicts', async () => {
      const transactions = await db.open();
      const { look, looks } = account();
      const refusal = new DomainError('task.finished', 'The task has ended.');

      await expect(transactions.runOptimistic(look, () => Promise.reject(refusal))).rejects.toBe(
        refusal,
      );
      await expect(
        transactions.runOptimistic(look, (manager, { version: seen }) =>
          sql(manager, CHANGE, [seen + 1, 0], { sqlstate: '23505' }),
        ),
      ).rejects.toMatchObject({ driverError: { code: '23502', column: 'text' } });

      expect([looks, await amount()]).toEqual([['seen', 'seen'], [{ amount: 100 }]]);
    });

    it('locks at once in a shared transaction', async () => {
      const transactions = await db.open();
      const { look, looks } = account();

      await transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: () =>
          transactions.runOptimistic(look, (manager, { version: seen }) =>
            sql(manager, CHANGE, [seen, 7], NOT_NULL),
          ),
        beforeCommit: () => Promise.resolve(),
      });

      expect([looks, await amount()]).toEqual([['locked'], [{ amount: 7 }]]);
    });
  });

  describe('afterCommit', () => {
    it('runs after the commit', async () => {
      const transactions = await db.open();
      const seen: string[] = [];

      await transactions.run(async (manager) => {
        afterCommit(manager, () => seen.push('after'));
        await insertNote(manager, 'one');
        seen.push('work');
      });

      expect(seen).toEqual(['work', 'after']);
    });

    it('does not run after a rollback, and runs once after a retry', async () => {
      const transactions = await db.open();
      const seen: number[] = [];
      let attempts = 0;

      await transactions.run(async (manager) => {
        const attempt = ++attempts;
        afterCommit(manager, () => seen.push(attempt));
        await insertNote(manager, 'one');
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

  describe('afterRollback', () => {
    it('runs after the rollback, when the connection is free', async () => {
      const transactions = await db.open({ poolSize: 1 });

      await expect(
        transactions.run(async (manager) => {
          await insertNote(manager, 'undone');
          afterRollback(manager, () => transactions.run((other) => insertNote(other, 'stays')));
          throw new Error('no');
        }),
      ).rejects.toThrow('no');

      expect(await db.notes()).toEqual(['stays']);
    });

    it('runs after the rollback of a shared transaction', async () => {
      const transactions = await db.open({ poolSize: 1 });
      const work = (): Promise<void> =>
        transactions.run(async (manager) => {
          await insertNote(manager, 'undone');
          afterRollback(manager, () => transactions.run((other) => insertNote(other, 'stays')));
          throw new Error('no');
        });

      await expect(
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work,
          beforeCommit: () => Promise.resolve(),
        }),
      ).rejects.toThrow('no');

      expect(await db.notes()).toEqual(['stays']);
    });

    it('does not run after a commit, and its error changes nothing', async () => {
      const transactions = await db.open();

      await transactions.run(async (manager) => {
        afterRollback(manager, () => transactions.run((other) => insertNote(other, 'never')));
        await insertNote(manager, 'one');
      });
      await expect(
        transactions.run((manager) => {
          afterRollback(manager, () => Promise.reject(new Error('another')));
          return Promise.reject(new Error('no'));
        }),
      ).rejects.toThrow('no');

      expect(await db.notes()).toEqual(['one']);
    });
  });
});
