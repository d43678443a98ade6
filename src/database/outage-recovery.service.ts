import { Injectable, Logger } from '@nestjs/common';
import { Counter } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { MetricsService } from '../observability/metrics.service.js';
import type { Connection } from './connection.js';
import { sql } from './sql.js';

/** An extension of times that ended in an outage, or end within the grace period after it. */
export interface OutageExtension {
  /** The extended things, in the plural, for the log and the metric. */
  readonly name: string;
  /** Extends the times and returns their number. */
  run(manager: EntityManager, outage: Outage): Promise<number>;
}

export interface Outage {
  /** Length of the outage. */
  readonly seconds: number;
  /** Length of the period, from now, in which live workers can report. */
  readonly graceSeconds: number;
}

/** A recorded heartbeat. */
export interface Beat {
  /** In milliseconds since the epoch. */
  now: number;
  grace_until: Date | null;
}

/** The gap between the heartbeats of all instances that is an outage, in seconds. */
export const OUTAGE_SECONDS = 6;

/** Ends outages: the transaction that records the first heartbeat after one also extends the times that ended in it. */
@Injectable()
export class OutageRecoveryService {
  private readonly logger = new Logger(OutageRecoveryService.name);
  private readonly extensions: OutageExtension[] = [];
  private readonly outages: Counter;
  private readonly extended: Counter<'kind'>;

  constructor(
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    const registers = [registry];
    this.outages = new Counter({
      name: 'mesh_outages_total',
      help: 'Outages of PostgreSQL or of all instances that this instance noticed first.',
      registers,
    });
    this.extended = new Counter({
      name: 'mesh_outage_extensions_total',
      help: 'Leases and approvals that were extended after an outage.',
      labelNames: ['kind'],
      registers,
    });
  }

  /** Registers an extension, which runs when an outage ends. */
  add(extension: OutageExtension): void {
    this.extensions.push(extension);
  }

  /**
   * Ends an outage if the gap since the latest heartbeat is one, and records a heartbeat. One instance wins the row; the
   * others find its heartbeat there.
   */
  async recover(connection: Connection): Promise<Beat> {
    const { manager } = connection;
    connection.begin();
    try {
      const [gap] = await sql<{ seconds: number }>(manager, LOCK_GAP);
      const seconds = gap?.seconds ?? 0;
      const isOutage = seconds > OUTAGE_SECONDS;
      const graceSeconds = this.environment.OUTAGE_GRACE_SECONDS;
      const counts: [string, number][] = [];
      if (isOutage) {
        for (const extension of this.extensions) {
          counts.push([extension.name, await extension.run(manager, { seconds, graceSeconds })]);
        }
      }
      const [beat] = await sql<Beat>(manager, RESUME, [isOutage ? graceSeconds : null]);
      await connection.commit();
      if (!beat) throw new Error('an upsert gives a row');
      if (isOutage) this.report(seconds, counts);
      return beat;
    } catch (error) {
      await connection.rollback(error);
      throw error;
    }
  }

  private report(seconds: number, counts: readonly [string, number][]): void {
    this.outages.inc();
    for (const [kind, count] of counts) this.extended.inc({ kind }, count);
    const extended = counts.map(([kind, count]) => `${kind} ${count}`).join(', ');
    this.logger.warn(
      `PostgreSQL or all instances were away for ${Math.round(seconds)} s. Extended: ${extended}.`,
    );
  }
}

/** SQL for the members of a {@link Beat}. */
export const BEAT_COLUMNS = `(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now, service_heartbeat.grace_until`;

const LOCK_GAP = `
  SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8 AS seconds
    FROM service_heartbeat FOR UPDATE`;

const RESUME = `
  INSERT INTO service_heartbeat (id, beat_at) VALUES (1, clock_timestamp())
  ON CONFLICT (id) DO UPDATE
     SET beat_at = clock_timestamp(),
         grace_until = coalesce(clock_timestamp() + make_interval(secs => $1), service_heartbeat.grace_until)
  RETURNING ${BEAT_COLUMNS}`;
