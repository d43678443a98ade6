import { isAlive } from '../../src/embedded-postgres/processes.js';
import { withClient } from './catalog.js';
import { until } from './eventually.js';
import { startNewPostgres, startTestStandby, type TestPostgres } from './postgres.js';
import { TcpProxy } from './tcp-proxy.js';

export interface StreamingReplicaOptions {
  /** `synchronous_standby_names` of the primary; undefined: replication is asynchronous. */
  synchronousStandbyNames?: string;
  /** Settings of both servers. */
  settings?: Record<string, string>;
}

/** The name of the standby, for `synchronous_standby_names`. */
export const STANDBY = 'standby';

/**
 * A primary and a hot standby that streams its changes, each a server on a port of its own. The connection between the
 * two leads through a proxy, which can interrupt it.
 */
export class StreamingReplica {
  private constructor(
    readonly primary: TestPostgres,
    readonly standby: TestPostgres,
    /** Between the standby and the primary: `latency` delays the changes, `silent` stops them. */
    readonly link: TcpProxy,
  ) {}

  /** Starts both servers, and waits until the standby streams. */
  static async start({
    synchronousStandbyNames,
    settings = {},
  }: StreamingReplicaOptions = {}): Promise<StreamingReplica> {
    const primary = await startNewPostgres(settings);
    const link = await TcpProxy.start(primary.port);
    const port = Number(new URL(link.url(primary.url)).port);
    const standby = await startTestStandby(primary, { port, name: STANDBY, settings });
    const replica = new StreamingReplica(primary, standby, link);
    await replica.untilStreaming();
    if (synchronousStandbyNames !== undefined)
      await replica.setSynchronousStandbyNames(synchronousStandbyNames);
    return replica;
  }

  /** The URL of a database of the primary that names both hosts, and asks for the one that accepts writes. */
  url(databaseUrl: string): string {
    const { username, password, pathname } = new URL(databaseUrl);
    const hosts = [this.primary, this.standby].map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `postgres://${username}:${password}@${hosts}${pathname}?target_session_attrs=read-write`;
  }

  /** The URL of the copy of a database that the standby has. */
  standbyUrl(databaseUrl: string): string {
    return Object.assign(new URL(databaseUrl), { port: this.standby.port }).href;
  }

  /** Changes the setting of the primary. It is not part of the standby, also after its promotion. */
  async setSynchronousStandbyNames(names: string): Promise<void> {
    await withClient(this.primary.url, async (client) => {
      await client.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await client.query('SELECT pg_reload_conf()');
      await until(async () => {
        const { rows } = await client.query<{ names: string }>(
          `SELECT current_setting('synchronous_standby_names') AS names`,
        );
        return rows[0]?.names === names;
      });
    });
  }

  /** Waits until the standby has replayed all that the primary has committed. */
  async waitUntilCaughtUp(): Promise<void> {
    const lsn = await valueOf(this.primary, 'pg_current_wal_insert_lsn()');
    await until(async () => {
      const isReplayed = await valueOf(this.standby, `pg_last_wal_replay_lsn() >= '${lsn}'`);
      return isReplayed === 'true';
    });
  }

  /** Lets the standby receive changes without showing them. */
  async pauseReplay(): Promise<void> {
    await valueOf(this.standby, 'pg_wal_replay_pause()');
  }

  async resumeReplay(): Promise<void> {
    await valueOf(this.standby, 'pg_wal_replay_resume()');
  }

  /** Kills the primary, as the loss of its machine does: nothing more leaves it. Its data stays for a restart. */
  async stopPrimary(): Promise<void> {
    const { pid } = this.primary;
    this.link.silent = true;
    this.primary.kill('SIGKILL');
    this.link.cut();
    await until(() => !isAlive(pid));
  }

  /** Makes the standby a primary, on the next timeline. */
  async promote(): Promise<void> {
    if ((await valueOf(this.standby, 'pg_promote()')) !== 'true')
      throw new Error('the standby was not promoted');
  }

  async stop(): Promise<void> {
    await this.standby.stop();
    // A primary that stops would wait for the standby.
    await this.link.close();
    await this.primary.stop();
  }

  private async untilStreaming(): Promise<void> {
    await until(async () => {
      const states = await valueOf(
        this.primary,
        '(SELECT string_agg(state, $$,$$) FROM pg_stat_replication)',
      );
      return states === 'streaming';
    });
  }
}

/** The value of an expression as text. */
async function valueOf({ url }: TestPostgres, expression: string): Promise<string | undefined> {
  const { rows } = await withClient(url, (client) =>
    client.query<{ value: string | null }>(`SELECT (${expression})::text AS value`),
  );
  return rows[0]?.value ?? undefined;
}
