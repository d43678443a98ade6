import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { AuditWitness } from '../config/audit-witness.js';
import { parseWitness } from '../config/audit-witness.js';
import { Environment } from '../config/environment.js';
import { BackgroundLoop } from '../database/background-loop.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AuditHeadsRepository, type SubmittedHead } from './audit-heads.repository.js';
import { AuditLogRepository, type SealedLog } from './audit-log.repository.js';
import { AuditLogMetricsService } from './audit-log-metrics.service.js';
import { PublishedHeadsService } from './published-heads.service.js';
import { WitnessSubmissionsService } from './witness-submissions.service.js';

/** Milliseconds between checks for a new head. */
const POLL_MS = 1_000;
/** Seconds after which an instance submits a head that another instance has signed. */
const FOREIGN_SECONDS = 3;

/** Submits the newest head to each witness. One round submits one head to all, so that their cosignatures are of one head. */
@Injectable()
export class WitnessesService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly witnesses: readonly AuditWitness[];
  /** The witnesses that have not answered yet. */
  private readonly busy = new Set<string>();
  private ownSize = 0;
  private readonly loop = new BackgroundLoop({
    round: () => this.round(),
    pollMs: POLL_MS,
    logger: new Logger(WitnessesService.name),
    failing: 'The heads of the audit log are not submitted to witnesses.',
  });

  constructor(
    private readonly heads: AuditHeadsRepository,
    private readonly logs: AuditLogRepository,
    private readonly submissions: WitnessSubmissionsService,
    private readonly metrics: AuditLogMetricsService,
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
    published: PublishedHeadsService,
  ) {
    this.witnesses = environment.AUDIT_WITNESSES.map(parseWitness);
    // A series that begins with its first failure shows no increase.
    for (const { name } of this.witnesses) metrics.countWitnessFailure(name, 0);
    if (this.witnesses.length > 0) {
      published.onSigned(({ size }) => {
        this.ownSize = size;
        this.loop.signal();
      });
    }
  }

  onApplicationBootstrap(): void {
    if (this.environment.AUDIT_SEAL && this.witnesses.length > 0) this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.submissions.stop();
    await this.loop.stop();
  }

  private async round(): Promise<void> {
    if (this.loop.isStopping) return;
    const found = await this.transactions.read(async (manager) => {
      const log = await this.logs.find(manager);
      const head = log && (await this.heads.findSubmitted(manager, log.log));
      return head && { log, head };
    });
    if (!found) return;
    const { log, head } = found;
    for (const { name, verifier } of this.witnesses) {
      if (head.cosigners.includes(verifier.vkey)) this.metrics.setWitnessed(name, head.size);
    }
    if (head.size !== this.ownSize && head.age < FOREIGN_SECONDS) return;
    await this.submit(log, head);
  }

  /** Resolves when the quorum is met, or all have answered. A slow witness does not keep the next head from the others. */
  private async submit(log: SealedLog, head: SubmittedHead): Promise<void> {
    const due = this.witnesses.filter(
      ({ name, verifier }) =>
        !head.cosigners.includes(verifier.vkey) &&
        !this.busy.has(name) &&
        this.submissions.isDue(name),
    );
    const needed = this.environment.AUDIT_WITNESS_QUORUM;
    let count = this.witnesses.filter(({ verifier }) =>
      head.cosigners.includes(verifier.vkey),
    ).length;
    await new Promise<void>((resolve) => {
      const answers = due.map(async (witness) => {
        this.busy.add(witness.name);
        const isCosigned = await this.submissions.submit(witness, log, head);
        this.busy.delete(witness.name);
        if (isCosigned) count += 1;
        if (needed > 0 && count >= needed) resolve();
      });
      void Promise.all(answers).then(() => {
        resolve();
      });
    });
  }
}
