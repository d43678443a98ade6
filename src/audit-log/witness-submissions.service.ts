import { Injectable, Logger } from '@nestjs/common';
import { tilesOfRanges } from '../../packages/verify/src/tiles.js';
import { consistencyProof, consistencyRanges } from '../../packages/verify/src/tree.js';
import type { AuditWitness } from '../config/audit-witness.js';
import { RepeatedMessage } from '../database/repeated-message.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AuditHeadsRepository, type SubmittedHead } from './audit-heads.repository.js';
import type { SealedLog } from './audit-log.repository.js';
import { AuditLogMetricsService } from './audit-log-metrics.service.js';
import { AuditTilesRepository } from './audit-tiles.repository.js';
import { explainFailure } from './outgoing-answer.js';
import { OldSizeError, submitHead } from './witness-client.js';

const LONGEST_PAUSE_MS = 60_000;

/** The latest failures of a witness. */
interface Failures {
  count: number;
  dueAt: number;
  readonly message: RepeatedMessage;
}

/** Submits heads to witnesses, and stores their cosignatures. */
@Injectable()
export class WitnessSubmissionsService {
  private readonly logger = new Logger(WitnessSubmissionsService.name);
  private readonly stopping = new AbortController();
  /** By witness, the size of the head that it has cosigned last, as far as it is known. */
  private readonly cosigned = new Map<string, { origin: string; size: number }>();
  private readonly failures = new Map<string, Failures>();

  constructor(
    private readonly heads: AuditHeadsRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly transactions: TransactionsService,
    private readonly metrics: AuditLogMetricsService,
  ) {}

  /** Aborts all requests. */
  stop(): void {
    this.stopping.abort();
  }

  /** Whether the witness is asked again. After failures, the pause grows from 2 seconds to a minute. */
  isDue(name: string): boolean {
    return performance.now() >= (this.failures.get(name)?.dueAt ?? 0);
  }

  /** Submits a head, and stores the cosignature. Returns whether it did; a failure is logged and counted. */
  async submit(witness: AuditWitness, log: SealedLog, head: SubmittedHead): Promise<boolean> {
    const { name, verifier } = witness;
    try {
      const line = await this.cosign(witness, log, head);
      this.cosigned.set(name, { origin: log.origin, size: head.size });
      await this.transactions.runInNewTransaction((manager) =>
        this.heads.addCosignature(manager, log.log, head.size, { vkey: verifier.vkey, line }),
      );
      this.metrics.setWitnessed(name, head.size);
      if (this.failures.delete(name)) this.logger.log(`The witness ${name} cosigns heads again.`);
      return true;
    } catch (error) {
      if (!this.stopping.signal.aborted) this.fail(name, error);
      return false;
    }
  }

  /** Submits a head, once more if the witness has cosigned another size than expected. */
  private async cosign(
    witness: AuditWitness,
    log: SealedLog,
    head: SubmittedHead,
  ): Promise<string> {
    const known = this.cosigned.get(witness.name);
    const old = known?.origin === log.origin ? Math.min(known.size, head.size) : 0;
    try {
      return await this.submitAfter(witness, log, head, old);
    } catch (error) {
      if (!(error instanceof OldSizeError)) throw error;
      if (error.size > head.size) {
        throw new Error(
          `It has cosigned a head of ${error.size} entries, but the newest head here has ${head.size}. If that lasts, entries were cut`,
          { cause: error },
        );
      }
      return this.submitAfter(witness, log, head, error.size);
    }
  }

  private async submitAfter(
    witness: AuditWitness,
    log: SealedLog,
    { size, note }: SubmittedHead,
    old: number,
  ): Promise<string> {
    const proof = await this.transactions.read(async (manager) => {
      const places = tilesOfRanges(consistencyRanges(old, size), log.size);
      const { reader } = await this.tiles.read(manager, log.log, places);
      return consistencyProof(old, size, reader);
    });
    return submitHead(witness, { old, proof, note }, this.stopping.signal);
  }

  private fail(name: string, error: unknown): void {
    const { count, message } = this.failures.get(name) ?? {
      count: 0,
      message: new RepeatedMessage(),
    };
    const pause = Math.min(2 ** (count + 1) * 1_000, LONGEST_PAUSE_MS);
    this.failures.set(name, { count: count + 1, dueAt: performance.now() + pause, message });
    this.metrics.countWitnessFailure(name);
    const reason = explainFailure(error);
    if (message.isDue(reason)) {
      this.logger.warn(`The witness ${name} has not cosigned the newest head. ${reason}`);
    }
  }
}
