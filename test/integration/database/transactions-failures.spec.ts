import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterCommit } from '../../../src/database/transaction-hooks.js';
import { sql } from '../../../src/database/sql.js';
import { withClient } from '../../support/catalog.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import {
  connectionOf,
  insertNote,
  UNAVAILABLE,
  useTransactionsDatabase,
  withCode,
} from '../../support/transactions-database.js';
import { CommitProxy } from '../../support/commit-proxy.js';
import { patient } from '../../support/patience.js';

describe('TransactionsService: pool and failures', () => {
  const db = useTransactionsDatabase();

  describe('a pool of one connection', () => {
    it('runs concurrent transactions one after the other', async () => {
      const transactions = await db.open({ poolSize: 1 });

      await Promise.all(
        Array.from({ length: 20 }, (_, number) =>
          transactions.run((manager) => insertNote(manager, String(number))),
        ),
      );

      expect(await db.notes()).toHaveLength(20);
    });

    it('is enough for shared transactions with reads before and after', async () => {
      const transactions = await db.open({ poolSize: 1 });
      const request = (text: string): Promise<void> =>
        transactions.runShared({
          onBegin: async (manager) => {
            await sql(manager, 'SELECT 1');
          },
          work: async () => {
            await transactions.read((manager) => sql(manager, 'SELECT 1'));
            await transactions.run((manager) => insertNote(manager, text));
            await transactions.read((manager) => sql(manager, 'SELECT 1'));
            await transactions.run((manager) => insertNote(manager, `${text} again`));
          },
          beforeCommit: async (manager) => {
            await sql(manager, 'SELECT 1');
          },
        });

      await Promise.all(['a', 'b', 'c', 'd', 'e'].map(request));

      expect(await db.notes()).toHaveLength(10);
    });

    it('is released by every failed transaction', async () => {
      const transactions = await db.open({ poolSize: 1 });
      const failures = await Promise.allSettled([
        transactions.run(() => Promise.reject(new Error('work'))),
        transactions.run((manager) => sql(manager, 'SELECT 1 / 0').catch(() => [])),
        transactions.run((manager) => sql(manager, 'nonsense')),
        transactions.read((manager) => sql(manager, 'nonsense')),
        transactions.runShared({
          onBegin: () => Promise.reject(new Error('begun')),
          work: () => transactions.run((manager) => insertNote(manager, 'one')),
          beforeCommit: () => Promise.resolve(),
        }),
      ]);

      expect(failures.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
      await transactions.run((manager) => insertNote(manager, 'after'));
      expect(await db.notes()).toEqual(['after']);
    });

    it('rejects within the connection timeout while it is busy', async () => {
      const transactions = await db.open({ poolSize: 1 });
      let finish = (): void => undefined;
      const busy = transactions.run(() => new Promise<void>((resolve) => (finish = resolve)));
      const started = performance.now();

      await expect(transactions.run((manager) => sql(manager, 'SELECT 1'))).rejects.toEqual(
        UNAVAILABLE,
      );
      expect(performance.now() - started).toBeLessThan(patient(3_000));
      finish();
      await busy;
    });
  });

  describe('failures of the database', () => {
    it.each(['run', 'read'] as const)(
      'database.unavailable when the connection ends during %s, and the next one works',
      async (method) => {
        const transactions = await db.open({ poolSize: 1 });

        await expect(
          transactions[method](async (manager) => {
            await db.terminate(await connectionOf(manager));
            await sql(manager, 'SELECT 1');
          }),
        ).rejects.toEqual(UNAVAILABLE);
        await transactions.run((manager) => insertNote(manager, 'after'));
        expect(await db.notes()).toEqual(['after']);
      },
    );

    it('database.unavailable when the connection ends in a shared transaction, and the next one works', async () => {
      const transactions = await db.open({ poolSize: 1 });

      await expect(
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work: () =>
            transactions.run(async (manager) => {
              await insertNote(manager, 'lost');
              await db.terminate(await connectionOf(manager));
            }),
          beforeCommit: async (manager) => {
            await sql(manager, 'SELECT 1');
          },
        }),
      ).rejects.toEqual(UNAVAILABLE);
      await transactions.run((manager) => insertNote(manager, 'after'));
      expect(await db.notes()).toEqual(['after']);
    });

    it('keeps a connection that opens after its request has timed out, for a later request', async () => {
      const proxy = await TcpProxy.inFrontOf(db.url);
      try {
        const transactions = await db.open({ poolSize: 1, through: proxy.url(db.url) });
        await db.terminate(await transactions.read(connectionOf));
        // The handshake takes three round trips.
        proxy.latency = 250;
        await expect(transactions.read(connectionOf)).rejects.toEqual(UNAVAILABLE);
        await sleep(1_500);
        await transactions.run((manager) => insertNote(manager, 'after'));
        expect(await db.notes()).toEqual(['after']);
      } finally {
        await proxy.close();
      }
    });

    it('replaces an idle connection that was ended', async () => {
      const transactions = await db.open({ poolSize: 1 });
      await db.terminate(await transactions.read(connectionOf));
      await new Promise((resolve) => setTimeout(resolve, 50));

      await transactions.run((manager) => insertNote(manager, 'after'));

      expect(await db.notes()).toEqual(['after']);
    });

    it('database.unavailable after statement_timeout, and keeps the connection', async () => {
      const transactions = await db.open({ poolSize: 1, limits: { statement_timeout: 100 } });
      const before = await transactions.read(connectionOf);
      const started = performance.now();

      await expect(
        transactions.run((manager) => sql(manager, 'SELECT pg_sleep(10)')),
      ).rejects.toEqual(UNAVAILABLE);

      expect(performance.now() - started).toBeLessThan(patient(2_000));
      expect(await transactions.read(connectionOf)).toBe(before);
    });

    it('database.unavailable after lock_timeout', async () => {
      const transactions = await db.open({ limits: { lock_timeout: 100 } });
      await withClient(db.url, async (client) => {
        await client.query('BEGIN; UPDATE accounts SET amount = 0 WHERE id = 1');

        await expect(
          transactions.run((manager) =>
            sql(manager, 'UPDATE accounts SET amount = 1 WHERE id = 1'),
          ),
        ).rejects.toEqual(UNAVAILABLE);
      });
    });

    it('database.unavailable when the connection ends as it opens, and the next one works', async () => {
      const proxy = await CommitProxy.start(db.url);
      const transactions = await db.open({ poolSize: 1, through: proxy.url });
      await db.terminate(await transactions.read(connectionOf));
      await new Promise((resolve) => setTimeout(resolve, 50));
      proxy.endNext();

      await expect(transactions.run((manager) => insertNote(manager, 'lost'))).rejects.toEqual(
        UNAVAILABLE,
      );

      await transactions.run((manager) => insertNote(manager, 'after'));
      expect(await db.notes()).toEqual(['after']);
      await proxy.close();
    });

    it('database.unavailable when the server is down', async () => {
      const proxy = await CommitProxy.start(db.url);
      const transactions = await db.open({ through: proxy.url });
      await proxy.close();

      await expect(transactions.read((manager) => sql(manager, 'SELECT 1'))).rejects.toEqual(
        UNAVAILABLE,
      );
    });
  });

  describe('a lost response to COMMIT', () => {
    let proxy: CommitProxy;

    beforeEach(async () => {
      proxy = await CommitProxy.start(db.url);
    });

    afterEach(async () => {
      await proxy.close();
    });

    it('database.commit_unknown when the connection breaks', async () => {
      const transactions = await db.open({ poolSize: 1, through: proxy.url });
      const committed: string[] = [];
      proxy.onCommit = 'break';

      await expect(
        transactions.run(async (manager) => {
          afterCommit(manager, () => committed.push('one'));
          await insertNote(manager, 'one');
        }),
      ).rejects.toMatchObject({ code: 'database.commit_unknown', extras: { retryAfter: 1 } });
      expect(committed).toEqual([]);
      // It was committed, in this case, and nobody tried it again.
      expect(await db.notes()).toEqual(['one']);

      proxy.onCommit = 'pass';
      await transactions.run((manager) => insertNote(manager, 'two'));
      expect(await db.notes()).toEqual(['one', 'two']);
    });

    it('database.commit_unknown after query_timeout', async () => {
      const transactions = await db.open({
        poolSize: 1,
        through: proxy.url,
        limits: { query_timeout: 300 },
      });
      proxy.onCommit = 'swallow';
      const started = performance.now();

      await expect(transactions.run((manager) => insertNote(manager, 'one'))).rejects.toEqual(
        withCode('database.commit_unknown'),
      );
      expect(performance.now() - started).toBeLessThan(patient(2_000));

      proxy.onCommit = 'pass';
      await transactions.run((manager) => insertNote(manager, 'two'));
      expect(await db.notes()).toEqual(['one', 'two']);
    });

    it('database.commit_unknown in a shared transaction', async () => {
      const transactions = await db.open({ through: proxy.url });
      proxy.onCommit = 'break';

      await expect(
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work: () => transactions.run((manager) => insertNote(manager, 'one')),
          beforeCommit: () => Promise.resolve(),
        }),
      ).rejects.toEqual(withCode('database.commit_unknown'));
    });
  });

  describe('connections of the application', () => {
    it('are refused without TLS when the URL requires it', async () => {
      await expect(db.open({ through: `${db.url}?sslmode=verify-full` })).rejects.toThrow(
        'The server does not support SSL connections',
      );
    });

    it.each([
      ['statement_timeout', '5s'],
      ['lock_timeout', '2s'],
      ['idle_in_transaction_session_timeout', '10s'],
      ['application_name', 'agent-mesh-controller'],
    ])('have %s = %s', async (name, value) => {
      const transactions = await db.open();

      expect(
        await transactions.read((manager) =>
          sql(manager, 'SELECT current_setting($1) AS value', [name]),
        ),
      ).toEqual([{ value }]);
    });
  });
});
