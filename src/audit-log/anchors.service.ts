import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type AuditAnchor, parseAnchor } from '../config/audit-anchor.js';
import { Environment } from '../config/environment.js';
import { BackgroundLoop } from '../database/background-loop.js';
import { RepeatedMessage } from '../database/repeated-message.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AnchorSenderService } from './anchor-sender.service.js';
import {
  type AnchoredHead,
  AuditHeadsRepository,
  type StoredHead,
} from './audit-heads.repository.js';
import { AuditLogMetricsService } from './audit-log-metrics.service.js';
import { AuditLogRepository } from './audit-log.repository.js';
import { explainFailure } from './outgoing-answer.js';

/** Milliseconds between checks for a new head. */
const POLL_MS = 1_000;

/** The newest head, and what the anchors have of its log. */
interface AnchorState {
  log: number;
  head: StoredHead;
  sent: AnchoredHead[];
}

/**
 * Sends the newest head to each anchor. A later change of the log, even with the signing key, contradicts a head that its
 * author cannot reach. Instances take turns: an anchor that has a recent head of any instance receives none.
 */
@Injectable()
export class AnchorsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(AnchorsService.name);
  private readonly anchors: readonly AuditAnchor[];
  private readonly failures = new Map<string, { at: number; message: RepeatedMessage }>();
  private readonly loop = new BackgroundLoop({
    round: () => this.round(),
    pollMs: POLL_MS,
    logger: this.logger,
    failing: 'The heads of the audit log are not sent to anchors.',
  });

  constructor(
    private readonly heads: AuditHeadsRepository,
    private readonly logs: AuditLogRepository,
    private readonly sender: AnchorSenderService,
    private readonly metrics: AuditLogMetricsService,
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
  ) {
    this.anchors = environment.AUDIT_ANCHORS.map(parseAnchor);
    // A series that begins with its first failure shows no increase.
    for (const { name } of this.anchors) metrics.countAnchorFailure(name, 0);
  }

  onApplicationBootstrap(): void {
    if (this.environment.AUDIT_SEAL && this.anchors.length > 0) this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.sender.stop();
    await this.loop.stop();
  }

  private async round(): Promise<void> {
    if (this.loop.isStopping) return;
    const state = await this.transactions.read((manager) => this.read(manager));
    if (!state) return;
    const due = this.anchors.filter((anchor) => this.isDue(anchor, state));
    await Promise.all(due.map((anchor) => this.send(anchor, state)));
  }

  private async read(manager: EntityManager): Promise<AnchorState | undefined> {
    const log = await this.logs.find(manager);
    const head = log && (await this.heads.findNewest(manager, log.log));
    if (!head) return undefined;
    const names = this.anchors.map(({ name }) => name);
    const sent = await this.heads.listSent(manager, log.log, names);
    for (const { anchor, size } of sent) this.metrics.setAnchored(anchor, size);
    return { log: log.log, head, sent };
  }

  private isDue({ name }: AuditAnchor, { head, sent }: AnchorState): boolean {
    const { AUDIT_ANCHOR_SECONDS } = this.environment;
    const failedAt = this.failures.get(name)?.at ?? -Infinity;
    if (performance.now() - failedAt < AUDIT_ANCHOR_SECONDS * 1_000) return false;
    const last = sent.find(({ anchor }) => anchor === name);
    return !last || (last.size < head.size && last.age >= AUDIT_ANCHOR_SECONDS);
  }

  private async send(anchor: AuditAnchor, { log, head }: AnchorState): Promise<void> {
    const { name } = anchor;
    try {
      const record = await this.sender.send(anchor, head.checkpoint);
      await this.transactions.runInNewTransaction((manager) =>
        this.heads.recordSent(manager, log, head.size, { [name]: record }),
      );
      this.metrics.setAnchored(name, head.size);
      if (this.failures.delete(name)) this.logger.log(`The anchor ${name} receives heads again.`);
    } catch (error) {
      if (!this.loop.isStopping) this.fail(name, explainFailure(error));
    }
  }

  private fail(name: string, reason: string): void {
    const { message } = this.failures.get(name) ?? { message: new RepeatedMessage() };
    this.failures.set(name, { at: performance.now(), message });
    this.metrics.countAnchorFailure(name);
    if (message.isDue(reason)) {
      this.logger.warn(`The anchor ${name} does not have the newest head. ${reason}`);
    }
  }
}
