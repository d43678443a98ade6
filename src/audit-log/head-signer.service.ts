import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { signCheckpoint } from '../../packages/verify/src/note.js';
import { quorumOf } from '../config/audit-witness.js';
import { Environment } from '../config/environment.js';
import { BackgroundLoop } from '../database/background-loop.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AuditLogRepository } from './audit-log.repository.js';
import { AuditLogStateService } from './audit-log-state.service.js';
import { PublishedHeadsService } from './published-heads.service.js';
import { SigningCheckService } from './signing-check.service.js';
import { type SigningKey, signerOf } from './signing-key.js';
import { SigningKeyService } from './signing-key.service.js';
import { DivergedError } from './tree-check.js';

/** Milliseconds between checks for entries that other instances have sealed. */
const POLL_MS = 1_000;

/**
 * Signs the heads of the sealed log, without an open transaction, and only if the log extends all heads that are known to be
 * published. Otherwise the log has diverged: nothing is signed, and requests go on.
 */
@Injectable()
export class HeadSignerService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(HeadSignerService.name);
  private readonly loop = new BackgroundLoop({
    round: () => this.round(),
    pollMs: POLL_MS,
    pauseAfter: () => (this.hasSigned ? this.environment.AUDIT_HEAD_SECONDS * 1_000 : 0),
    logger: this.logger,
    failing: 'The heads of the audit log are not signed.',
    recovered: 'The heads of the audit log are signed again.',
  });
  private hasSigned = false;
  private hasChecked = false;

  constructor(
    private readonly logs: AuditLogRepository,
    private readonly heads: PublishedHeadsService,
    private readonly check: SigningCheckService,
    private readonly keys: SigningKeyService,
    private readonly state: AuditLogStateService,
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.environment.AUDIT_SEAL) return;
    if (!this.keys.key && !this.environment.isEmbedded) {
      this.logger.warn(
        'The heads of the audit log are not signed: set AUDIT_SIGNING_KEY or AUDIT_SIGNER_URL.',
      );
    }
    this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
  }

  /** Signs the log as soon as the interval of heads allows. */
  signal(): void {
    this.loop.signal();
  }

  private async round(): Promise<void> {
    this.hasSigned = false;
    const progress = await this.transactions.read((manager) =>
      this.logs.getProgress(manager, quorumOf(this.environment)),
    );
    if (!progress) return;
    this.state.observe(progress);
    const { key } = this.keys;
    if (!key) return;
    const { origin, size, signed } = progress;
    const isDue = size > signed || !this.hasChecked || (await this.heads.isBehind(origin, signed));
    if (!isDue) return;
    try {
      await this.sign(key, signed);
      this.state.setDivergence(undefined);
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      this.state.setDivergence(error.message);
    }
  }

  /** Checks the log, and signs it if it has grown since its newest head. */
  private async sign(key: SigningKey, signed: number): Promise<void> {
    const log = await this.transactions.read((manager) => this.check.findLog(manager));
    this.hasChecked = true;
    if (!log || log.size <= signed) return;
    const head = { origin: log.origin, size: log.size, root: log.root };
    const time = Math.floor(Date.now() / 1_000);
    const note = await signCheckpoint(head, time, signerOf(key, log.origin));
    await this.transactions.runInNewTransaction((manager) =>
      this.heads.store(manager, log, head, note),
    );
    await this.heads.announce(head);
    this.hasSigned = true;
  }
}
