import { describe, expect, it } from '@jest/globals';
import { type EntityManager } from 'typeorm';
import { afterCommit } from '../../../src/database/transaction-hooks.js';
import { sql, sqlWithCommit } from '../../../src/database/sql.js';
import {
  connectionOf,
  INSERT_NOTE,
  insertNote,
  UNAVAILABLE,
  useTransactionsDatabase,
} from '../../support/transactions-database.js';

describe('TransactionsService.runShared', () => {
  const db = useTransactionsDatabase();

  it('returns the rows of a last statement before the commit', async () => {
    const transactions = await db.open();

    const told = await transactions.runShared({
      onBegin: () => Promise.resolve(),
      work: () =>
        transactions.run((manager) =>
          Promise.resolve(sqlWithCommit<{ text: string }>(manager, INSERT_NOTE, ['one'])),
        ),
      beforeCommit: async (_manager, rows) => ({ rows, committed: await db.notes() }),
    });

    expect(told).toEqual({ rows: [{ text: 'one' }], committed: [] });
    expect(await db.notes()).toEqual(['one']);
  });

  it('runs onBegin, work and beforeCommit on one connection, and commits them together', async () => {
    const transactions = await db.open();
    const order: string[] = [];
    const connections = new Set<number | undefined>();
    const step = async (manager: EntityManager, text: string): Promise<void> => {
      order.push(text);
      connections.add(await connectionOf(manager));
      await insertNote(manager, text);
      expect(await db.notes()).toEqual([]);
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
    expect(await db.notes()).toEqual(order);
  });

  it('begins with the first write, not with a read before it', async () => {
    const transactions = await db.open();
    const order: string[] = [];

    await transactions.runShared({
      onBegin: () => {
        order.push('begun');
        return Promise.resolve();
      },
      work: async () => {
        await transactions.read((manager) => sql(manager, 'SELECT 1'));
        order.push('read');
        await transactions.run((manager) => insertNote(manager, 'one'));
      },
      beforeCommit: () => Promise.resolve(),
    });

    expect(order).toEqual(['read', 'begun']);
  });

  it('reads its own writes', async () => {
    const transactions = await db.open();

    const seen = await transactions.runShared({
      onBegin: () => Promise.resolve(),
      work: async () => {
        await transactions.run((manager) => insertNote(manager, 'one'));
        return transactions.read((manager) => sql(manager, 'SELECT text FROM notes'));
      },
      beforeCommit: (_, rows) => Promise.resolve(rows),
    });

    expect(seen).toEqual([{ text: 'one' }]);
  });

  it.each(['begun', 'work', 'finish'] as const)(
    'rolls back everything when %s rejects',
    async (part) => {
      const transactions = await db.open();
      const failIn = (name: string): Promise<void> =>
        name === part ? Promise.reject(new Error(name)) : Promise.resolve();

      await expect(
        transactions.runShared({
          onBegin: async (manager) => {
            await insertNote(manager, 'begun');
            await failIn('begun');
          },
          work: async () => {
            await transactions.run((manager) => insertNote(manager, 'work'));
            await failIn('work');
          },
          beforeCommit: async (manager) => {
            await insertNote(manager, 'finish');
            await failIn('finish');
          },
        }),
      ).rejects.toThrow(part);
      expect(await db.notes()).toEqual([]);
    },
  );

  it('commits runInNewTransaction separately', async () => {
    const transactions = await db.open();

    await expect(
      transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: async () => {
          await transactions.run((manager) => insertNote(manager, 'shared'));
          await transactions.runInNewTransaction((manager) => insertNote(manager, 'alone'));
          throw new Error('no');
        },
        beforeCommit: () => Promise.resolve(),
      }),
    ).rejects.toThrow('no');
    expect(await db.notes()).toEqual(['alone']);
  });

  it('retries as a whole after a serialization failure, and commits once', async () => {
    const transactions = await db.open();
    let attempts = 0;
    const committed: number[] = [];

    await transactions.runShared({
      onBegin: () => Promise.resolve(),
      work: () =>
        transactions.run(async (manager) => {
          const attempt = ++attempts;
          afterCommit(manager, () => committed.push(attempt));
          await insertNote(manager, 'one');
          if (attempt === 1) await sql(manager, `DO $$ BEGIN RAISE SQLSTATE '40001'; END $$`);
        }),
      beforeCommit: () => Promise.resolve(),
    });

    expect(committed).toEqual([2]);
    expect(await db.notes()).toEqual(['one']);
  });

  it('rejects when the work catches an error of the database', async () => {
    const transactions = await db.open();

    await expect(
      transactions.runShared({
        onBegin: () => Promise.resolve(),
        work: () => transactions.run((manager) => sql(manager, 'SELECT 1 / 0').catch(() => [])),
        beforeCommit: () => Promise.resolve(),
      }),
    ).rejects.toEqual(UNAVAILABLE);
  });
});
