import { describe, expect, it } from '@jest/globals';
import { type EntityManager } from 'typeorm';
import { sql, queueSql, sqlWithCommit } from '../../../src/database/sql.js';
import { PreparedStatementNames } from '../../../src/database/pipeline.js';
import { DomainError } from '../../../src/errors/domain-error.js';
import { withClient } from '../../support/catalog.js';
import {
  barrier,
  INSERT_NOTE,
  insertNote,
  UNAVAILABLE,
  useTransactionsDatabase,
  withCode,
} from '../../support/transactions-database.js';

describe('TransactionsService.run', () => {
  const db = useTransactionsDatabase();

  it('commits when the work resolves, and returns its result', async () => {
    const transactions = await db.open();

    expect(
      await transactions.run(async (manager) => {
        await insertNote(manager, 'one');
        await insertNote(manager, 'two');
        return 2;
      }),
    ).toBe(2);
    expect(await db.notes()).toEqual(['one', 'two']);
  });

  it('rolls back when the work rejects, and rejects with its error', async () => {
    const transactions = await db.open();
    const refusal = new DomainError('task.finished', 'The task has ended.');

    await expect(
      transactions.run(async (manager) => {
        await insertNote(manager, 'one');
        throw refusal;
      }),
    ).rejects.toBe(refusal);
    expect(await db.notes()).toEqual([]);
  });

  it('rejects when the work catches an error of the database', async () => {
    const transactions = await db.open();

    await expect(
      transactions.run(async (manager) => {
        await insertNote(manager, 'one');
        await sql(manager, 'SELECT 1 / 0').catch(() => undefined);
      }),
    ).rejects.toEqual(UNAVAILABLE);
    expect(await db.notes()).toEqual([]);
  });

  it('rejects when a deferred constraint fails at COMMIT', async () => {
    const transactions = await db.open();
    await withClient(db.url, (client) =>
      client.query(`
    CREATE TABLE IF NOT EXISTS late (id integer,
      CONSTRAINT late_uq UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)`),
    );

    await expect(
      transactions.run((manager) => sql(manager, 'INSERT INTO late VALUES (1), (1)')),
    ).rejects.toMatchObject({ constraint: 'late_uq' });
  });

  it('runs concurrent statements in order, and none after a failed one', async () => {
    const transactions = await db.open();
    const together = transactions.run((manager) =>
      Promise.all([
        insertNote(manager, 'one'),
        sql(manager, 'SELECT text FROM notes'),
        insertNote(manager, 'two'),
      ]),
    );
    expect(await together).toEqual([[], [{ text: 'one' }], []]);

    const failing = transactions.run((manager) =>
      Promise.allSettled([
        insertNote(manager, 'three'),
        sql(manager, 'SELECT 1 / 0'),
        insertNote(manager, 'four'),
      ]),
    );
    await expect(failing).rejects.toEqual(UNAVAILABLE);
    expect(await db.notes()).toEqual(['one', 'two']);
  });

  it('retries when a batched statement violates the named constraint', async () => {
    const transactions = await db.open();
    const TAKEN = { constraint: 'notes_text_key' };
    let made = 0;
    await transactions.run((manager) => {
      made += 1;
      const text = made === 1 ? 'taken' : 'free';
      queueSql(manager, 'INSERT INTO notes (text) VALUES ($1)', [text], TAKEN);
      if (made === 1) queueSql(manager, 'INSERT INTO notes (text) VALUES ($1)', [text], TAKEN);
      return Promise.resolve();
    });
    expect(made).toBe(2);
    expect(await db.notes()).toEqual(['free']);
  });

  it('leaves the connection usable when the work sends no statement', async () => {
    const transactions = await db.open({ poolSize: 1 });
    await expect(transactions.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await transactions.run((manager) => insertNote(manager, 'one'));
    expect(await db.notes()).toEqual(['one']);
  });

  it('commits batched statements with the transaction, and rejects when one fails', async () => {
    const transactions = await db.open();
    const along = (text: string): Promise<void> =>
      transactions.run((manager) => {
        queueSql(manager, 'INSERT INTO notes (text) VALUES ($1)', [text]);
        return Promise.resolve();
      });

    await along('one');
    await expect(along('one')).rejects.toMatchObject({ constraint: 'notes_text_key' });
    await along('two');
    expect(await db.notes()).toEqual(['one', 'two']);
  });

  it('returns the rows of the last statement, which is sent with COMMIT', async () => {
    const transactions = await db.open();
    const last = (manager: EntityManager) =>
      sqlWithCommit<{ text: string }>(manager, INSERT_NOTE, ['last']).map((rows) => rows[0]?.text);

    expect(await transactions.run((manager) => Promise.resolve(last(manager)))).toBe('last');
    await expect(transactions.run((manager) => Promise.resolve(last(manager)))).rejects.toThrow(
      'notes_text_key',
    );

    expect(await db.notes()).toEqual(['last']);
  });

  it('gives no access to the rows of the last statement before COMMIT', async () => {
    const transactions = await db.open({ poolSize: 1 });

    const texts = await transactions.run(async (manager) => {
      const last = sqlWithCommit<{ text: string }>(manager, INSERT_NOTE, ['last']);
      // @ts-expect-error a deferred result is no promise
      const awaited: Promise<unknown> = last;
      expect(await awaited).toBe(last);
      expect(Object.keys(last)).toEqual([]);
      return last.map((rows) => rows.map(({ text }) => text));
    });

    expect([texts, await db.notes()]).toEqual([['last'], ['last']]);
  });

  it('rolls back when the work rejects after its last statement', async () => {
    const transactions = await db.open();

    await expect(
      transactions.run((manager) => {
        sqlWithCommit(manager, INSERT_NOTE, ['last']);
        return Promise.reject(new Error('no'));
      }),
    ).rejects.toThrow('no');

    expect(await db.notes()).toEqual([]);
  });

  it('prepares a statement again after a migration has changed its columns', async () => {
    const transactions = await db.open();
    const read = (): Promise<unknown> =>
      transactions.run((manager) => sql(manager, 'SELECT * FROM changing'));
    await withClient(db.url, (client) => client.query('CREATE TABLE changing (id integer)'));
    await Promise.all(Array.from({ length: 10 }, read));

    await withClient(db.url, (client) => client.query('ALTER TABLE changing ADD COLUMN more text'));
    await expect(Promise.all(Array.from({ length: 10 }, read))).resolves.toHaveLength(10);
  });

  it('prepares no statements when they are disabled', async () => {
    const transactions = await db.open({ names: new PreparedStatementNames(false) });
    const prepared = await transactions.run(async (manager) => {
      await insertNote(manager, 'one');
      return sql(manager, 'SELECT name FROM pg_prepared_statements');
    });
    expect(prepared).toEqual([]);
  });

  it('rejects with request.invalid when PostgreSQL cannot store a value', async () => {
    const transactions = await db.open();

    await expect(transactions.run((manager) => sql(manager, `SELECT 'x'::uuid`))).rejects.toEqual(
      withCode('request.invalid'),
    );
  });

  it('retries after a deadlock', async () => {
    const transactions = await db.open();
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
    expect(await db.amounts()).toEqual([100, 100]);
  });

  it('retries after a serialization failure', async () => {
    const transactions = await db.open();
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
    expect(await db.amounts()).toEqual([102, 100]);
  });

  it('rejects after three attempts', async () => {
    const transactions = await db.open();
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
