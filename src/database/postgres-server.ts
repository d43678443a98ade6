import type { PostgresHost, PostgresUrl } from '../config/postgres-url.js';
import { ConnectError } from './connect-error.js';
import { UnansweredStatements } from './unanswered-statements.js';

/** Whether a host can be used. Rejects if it cannot. */
export type HostProbe = (host: PostgresHost) => Promise<unknown>;

/**
 * State that the connections of one pool share: the chosen host, of several in the URL, whether the pooler
 * in between tracks prepared statements, and which statements the server has not answered.
 */
export class PostgresServer {
  readonly unanswered = new UnansweredStatements();
  private host?: Promise<PostgresHost>;
  private tracked?: Promise<boolean>;
  private openingMs = 0;

  /**
   * Returns the host to connect to. Of several hosts, the first that `probe` accepts; all of them are probed at the same
   * time, so a host that does not respond delays nothing.
   */
  async hostOf({ hosts }: PostgresUrl, probe: HostProbe): Promise<PostgresHost> {
    if (hosts.length === 1) return hosts[0];
    const choosing = (this.host ??= Promise.any(
      hosts.map(async (host) => {
        await probe(host);
        return host;
      }),
    ).catch((error: unknown) => {
      throw causeOf(error);
    }));
    choosing.catch(() => {
      if (this.host === choosing) this.forgetHost();
    });
    return choosing;
  }

  /** Makes the next connection choose its host again, because the chosen one failed or lost its role. */
  forgetHost(): void {
    this.host = undefined;
  }

  /** Records how long it took to open the latest connection, in milliseconds. */
  openedIn(ms: number): void {
    this.openingMs = ms;
  }

  /** How long it took to open the latest connection, in milliseconds: on a long-haul network with TLS, seconds. */
  get latestOpeningMs(): number {
    return this.openingMs;
  }

  /** Returns the result of `check`, which runs once. */
  async tracksPreparedStatements(check: () => Promise<boolean>): Promise<boolean> {
    const checking = (this.tracked ??= check());
    checking.catch(() => {
      if (this.tracked === checking) this.tracked = undefined;
    });
    return checking;
  }
}

/** The most informative of the errors of several hosts. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof AggregateError)) return error;
  const errors: readonly unknown[] = error.errors;
  return errors.find((one) => one instanceof ConnectError) ?? errors[0];
}
