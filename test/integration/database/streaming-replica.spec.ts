import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withClient } from '../../support/catalog.js';
import { eventually } from '../../support/eventually.js';
import { STANDBY, StreamingReplica } from '../../support/streaming-replica.js';
import { createTestDatabase } from '../../support/postgres.js';

describe('a streaming replica of the tests', () => {
  let replica: StreamingReplica;
  let databaseUrl: string;

  beforeEach(async () => {
    replica = await StreamingReplica.start({ synchronousStandbyNames: STANDBY });
    databaseUrl = await createTestDatabase(replica.primary.url);
    await withClient(databaseUrl, (client) => client.query('CREATE TABLE facts (n integer)'));
  });

  afterEach(() => replica.stop());

  async function insert(n: number, url = databaseUrl): Promise<void> {
    await withClient(url, (client) => client.query('INSERT INTO facts VALUES ($1)', [n]));
  }

  async function read(url: string): Promise<number[]> {
    const { rows } = await withClient(url, (client) =>
      client.query<{ n: number }>('SELECT n FROM facts ORDER BY n'),
    );
    return rows.map(({ n }) => n);
  }

  it('streams changes, hides them while its replay is paused, and refuses writes', async () => {
    const standbyUrl = replica.standbyUrl(databaseUrl);
    await insert(1);
    await replica.waitUntilCaughtUp();
    expect(await read(standbyUrl)).toEqual([1]);
    await expect(insert(2, standbyUrl)).rejects.toMatchObject({ code: '25006' });

    await replica.pauseReplay();
    await insert(2);
    expect(await read(standbyUrl)).toEqual([1]);
    await replica.resumeReplay();
    await replica.waitUntilCaughtUp();
    expect(await read(standbyUrl)).toEqual([1, 2]);
  }, 60_000);

  it('confirms no commit that the standby did not receive, and is promoted without it', async () => {
    const standbyUrl = replica.standbyUrl(databaseUrl);
    await insert(1);
    replica.link.silent = true;
    const outcome = insert(2).then(
      () => 'confirmed',
      () => 'lost',
    );
    await eventually(
      () =>
        withClient(databaseUrl, (client) =>
          client.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`),
        ),
      ({ rowCount }) => rowCount === 1,
    );
    await replica.stopPrimary();
    expect(await outcome).toBe('lost');
    await replica.promote();
    expect(await read(standbyUrl)).toEqual([1]);
    await insert(3, standbyUrl);

    await replica.primary.restart();
    expect(await read(databaseUrl)).toEqual([1, 2]);
    expect(await read(standbyUrl)).toEqual([1, 3]);
  }, 60_000);
});
