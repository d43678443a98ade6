import { Injectable, Logger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditLogRepository, type SealedLog } from './audit-log.repository.js';
import { KnownHeadsService } from './known-heads.service.js';
import { LogKeyringService } from './log-keyring.service.js';
import { PublishedHeadsService } from './published-heads.service.js';
import { SigningKeyService } from './signing-key.service.js';

/** Decides whether this instance may sign the log. */
@Injectable()
export class SigningCheckService {
  private readonly logger = new Logger(SigningCheckService.name);

  constructor(
    private readonly logs: AuditLogRepository,
    private readonly keyrings: LogKeyringService,
    private readonly known: KnownHeadsService,
    private readonly heads: PublishedHeadsService,
    private readonly keys: SigningKeyService,
  ) {}

  /**
   * Returns the log that this instance signs. Undefined: no log exists, or another key is the present key of the log.
   *
   * @throws DivergedError if the log does not extend its heads
   */
  async findLog(manager: EntityManager): Promise<SealedLog | undefined> {
    const log = await this.logs.find(manager);
    if (!log) return undefined;
    const keyring = await this.keyrings.read(manager, log);
    this.known.use(keyring);
    const newest = await this.heads.assertExtended(manager, log);
    const { key } = this.keys;
    if (!key) return undefined;
    this.observe(keyring.obstacleOf(key.publicKey, newest));
    return this.keys.signs ? log : undefined;
  }

  private observe(obstacle: string | undefined): void {
    const before = this.keys.obstacle;
    this.keys.obstacle = obstacle;
    if (obstacle === before) return;
    if (obstacle === undefined) this.logger.log('This instance signs the audit log again.');
    else {
      this.logger.warn(
        `This instance does not sign the audit log. ${obstacle}: see npm run audit:keys.`,
      );
    }
  }
}
