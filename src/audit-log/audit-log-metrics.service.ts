import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram } from 'prom-client';
import { quorumOf, type WitnessQuorum } from '../config/audit-witness.js';
import { Environment } from '../config/environment.js';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { AuditLogRepository, type LogProgress } from './audit-log.repository.js';
import { AUDIT_LOG_STATES, AuditLogStateService } from './audit-log-state.service.js';

/** Metrics of the sealed log. Sizes and ages are read from the database at each scrape. */
@Injectable()
export class AuditLogMetricsService {
  private readonly logger = new Logger(AuditLogMetricsService.name);
  private readonly sealSeconds: Histogram;
  private readonly anchored: Gauge<'anchor'>;
  private readonly anchorFailures: Counter<'anchor'>;
  private readonly witnessed: Gauge<'witness'>;
  private readonly witnessFailures: Counter<'witness'>;
  private readonly checked: Counter;
  private readonly checkFailures: Counter;
  private readonly quorum: WitnessQuorum;
  private reading?: Promise<LogProgress | undefined>;

  constructor(
    { registry }: MetricsService,
    private readonly logs: AuditLogRepository,
    private readonly transactions: TransactionsService,
    state: AuditLogStateService,
    environment: Environment,
  ) {
    this.quorum = quorumOf(environment);
    const registers = [registry];
    this.sealSeconds = new Histogram({
      name: 'mesh_audit_seal_seconds',
      help: 'Seconds in which a batch of events was sealed.',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    });
    this.anchored = new Gauge({
      name: 'mesh_audit_anchor_size',
      help: 'Size of the newest head that an anchor has.',
      labelNames: ['anchor'],
      registers,
    });
    this.anchorFailures = new Counter({
      name: 'mesh_audit_anchor_failures_total',
      help: 'Heads that an anchor did not receive.',
      labelNames: ['anchor'],
      registers,
    });
    this.witnessed = new Gauge({
      name: 'mesh_audit_witness_size',
      help: 'Size of the newest head that a witness has cosigned.',
      labelNames: ['witness'],
      registers,
    });
    this.witnessFailures = new Counter({
      name: 'mesh_audit_witness_failures_total',
      help: 'Heads that a witness did not cosign.',
      labelNames: ['witness'],
      registers,
    });
    this.checked = new Counter({
      name: 'mesh_audit_checked_total',
      help: 'Entries of the sealed log that were compared with their events.',
      registers,
    });
    this.checkFailures = new Counter({
      name: 'mesh_audit_check_failures_total',
      help: 'Differences between the sealed log and the events.',
      registers,
    });
    new Gauge({
      name: 'mesh_audit_state',
      help: 'State of the sealed log, as this instance observes it: 1 for the present one.',
      labelNames: ['state'],
      registers,
      collect() {
        for (const name of AUDIT_LOG_STATES)
          this.set({ state: name }, Number(name === state.state));
      },
    });
    this.registerProgress(registry);
  }

  observeSeal(seconds: number): void {
    this.sealSeconds.observe(seconds);
  }

  setAnchored(anchor: string, size: number): void {
    this.anchored.set({ anchor }, size);
  }

  countAnchorFailure(anchor: string, failures = 1): void {
    this.anchorFailures.inc({ anchor }, failures);
  }

  setWitnessed(witness: string, size: number): void {
    this.witnessed.set({ witness }, size);
  }

  countWitnessFailure(witness: string, failures = 1): void {
    this.witnessFailures.inc({ witness }, failures);
  }

  countChecked(entries: number, failures: number): void {
    this.checked.inc(entries);
    this.checkFailures.inc(failures);
  }

  private registerProgress(registry: MetricsService['registry']): void {
    const read = (): Promise<LogProgress | undefined> => this.readOnce();
    const gauge = (
      name: string,
      help: string,
      valueOf: (progress: LogProgress) => number | null,
    ): Gauge =>
      new Gauge({
        name,
        help,
        registers: [registry],
        async collect() {
          const progress = await read();
          this.set((progress && valueOf(progress)) ?? NaN);
        },
      });
    gauge('mesh_audit_sealed_size', 'Number of sealed entries.', ({ size }) => size);
    gauge(
      'mesh_audit_archived_size',
      'Number of entries that are archived, and whose events are deleted.',
      ({ archived }) => archived,
    );
    gauge(
      'mesh_audit_signed_size',
      'Number of entries that the newest signed head covers.',
      ({ signed }) => signed,
    );
    gauge(
      'mesh_audit_seal_lag_seconds',
      'Age of the oldest event that is not sealed.',
      ({ unsealed_seconds }) => unsealed_seconds,
    );
    gauge('mesh_audit_head_age_seconds', 'Age of the newest head.', ({ head_age }) => head_age);
  }

  /** The gauges of one scrape share one read. */
  private readOnce(): Promise<LogProgress | undefined> {
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async read(): Promise<LogProgress | undefined> {
    try {
      return await this.transactions.read((manager) => this.logs.getProgress(manager, this.quorum));
    } catch {
      // The scrape succeeds without these gauges: other metrics show that the database is down.
      this.logger.debug('Cannot read the sealed log');
      return undefined;
    }
  }
}
