import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresHost, PostgresUrl } from '../config/postgres-url.js';
import { ConnectError } from './connect-error.js';
import { isEarlier, type Timeline } from './timeline.js';
import { UnansweredStatements } from './unanswered-statements.js';

/** Returns the timeline of a host that can be used, undefined if the server does not show it. Rejects for other hosts. */
export type HostProbe = (host: PostgresHost) => Promise<Timeline | undefined>;

interface FoundHost {
  readonly host: PostgresHost;
  readonly timeline?: Timeline | undefined;
}

/** How long the first host that can be used waits for the probes of the others, in milliseconds. */
const OTHER_PROBES_MS = 250;

/**
 * State that the connections of one pool share: the chosen host, of several in the URL, the latest timeline of a primary,
 * whether the pooler in between tracks prepared statements, and which statements the server has not answered.
 */
export class PostgresServer {
  readonly unanswered = new UnansweredStatements();
  private host?: Promise<PostgresHost>;
  private latest?: Timeline;
  private tracked?: Promise<boolean>;
  private openingMs = 0;
  private openedAt = -Infinity;

  /**
   * Returns the host to connect to. Of several hosts, one that `probe` accepts; of several primaries, the one on the
   * latest timeline. A host on an earlier timeline than one before is refused. All hosts are probed at the same time, so a
   * host that does not respond delays little.
   */
  async hostOf({ hosts }: PostgresUrl, probe: HostProbe): Promise<PostgresHost> {
    if (hosts.length === 1) return hosts[0];
    const choosing = (this.host ??= this.choose(hosts, probe));
    choosing.catch(() => {
      if (this.host === choosing) this.forgetHost();
    });
    return choosing;
  }

  private async choose(hosts: readonly PostgresHost[], probe: HostProbe): Promise<PostgresHost> {
    const found: FoundHost[] = [];
    const probes = hosts.map(async (host) => {
      const timeline = await probe(host);
      if (isEarlier(timeline, this.latest)) throw formerPrimaryError(host);
      found.push({ host, timeline });
    });
    const all = Promise.allSettled(probes);
    await Promise.any(probes).catch((error: unknown) => {
      throw causeOf(error);
    });
    await Promise.race([all, sleep(OTHER_PROBES_MS, undefined, { ref: false })]);
    const chosen = found.reduce((one, other) =>
      isEarlier(one.timeline, other.timeline) ? other : one,
    );
    if (!isEarlier(chosen.timeline, this.latest)) this.latest = chosen.timeline ?? this.latest;
    return chosen.host;
  }

  /** Makes the next connection choose its host again, because the chosen one failed or lost its role. */
  forgetHost(): void {
    this.host = undefined;
  }

  /** Records how long it took to open the latest connection, in milliseconds. */
  openedIn(ms: number): void {
    this.openingMs = ms;
    this.openedAt = performance.now();
  }

  /** When the latest connection was opened, in the milliseconds of `performance.now()`. */
  get latestOpeningAt(): number {
    return this.openedAt;
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

function formerPrimaryError({ host, port }: PostgresHost): ConnectError {
  return new ConnectError(
    `${host}:${port} accepts writes on an earlier timeline than the primary before: it is a former primary. Stop it, or make it a standby. If the database was restored to an earlier time, restart the controller.`,
    'read_only',
  );
}

/** The most informative of the errors of several hosts. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof AggregateError)) return error;
  const errors: readonly unknown[] = error.errors;
  return errors.find((one) => one instanceof ConnectError) ?? errors[0];
}
