import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { TILE_WIDTH } from '../../packages/verify/src/tiles.js';
import { Environment } from '../config/environment.js';
import { BackgroundLoop } from '../database/background-loop.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AuditLogMetricsService } from './audit-log-metrics.service.js';
import { AuditLogRepository, type SealedLog } from './audit-log.repository.js';
import { TileChecksService } from './tile-checks.service.js';

const MINUTE_MS = 60_000;

/** Compares the tiles of the sealed log with their events, one after the other, again and again. */
@Injectable()
export class PatrolService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(PatrolService.name);
  private readonly loop: BackgroundLoop;
  private next = 0;

  constructor(
    private readonly logs: AuditLogRepository,
    private readonly checks: TileChecksService,
    private readonly metrics: AuditLogMetricsService,
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
  ) {
    this.loop = new BackgroundLoop({
      round: () => this.round(),
      pollMs: MINUTE_MS / Math.max(environment.AUDIT_VERIFY_TILES_PER_MINUTE, 1),
      logger: this.logger,
      failing: 'The audit log is not compared with its events.',
    });
  }

  onApplicationBootstrap(): void {
    const { AUDIT_SEAL, AUDIT_VERIFY_TILES_PER_MINUTE } = this.environment;
    if (AUDIT_SEAL && AUDIT_VERIFY_TILES_PER_MINUTE > 0) this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
  }

  private async round(): Promise<void> {
    if (this.loop.isStopping) return;
    await this.transactions.read(async (manager) => {
      const log = await this.logs.find(manager);
      if (!log || log.size === log.pruned) return;
      const index = this.nextOf(log);
      this.next = index + 1;
      const { entries, differences } = await this.checks.check(manager, log, index);
      if (differences.length > 0 && (await this.isArchived(manager, index))) return;
      this.metrics.countChecked(entries, differences.length);
      for (const difference of differences) {
        this.logger.error(`The audit log does not match its seal: ${difference}.`);
      }
    });
  }

  /** Returns the tile to check next. Archived entries have no events. */
  private nextOf({ size, pruned }: SealedLog): number {
    const first = Math.floor(pruned / TILE_WIDTH);
    return this.next < first || this.next * TILE_WIDTH >= size ? first : this.next;
  }

  /** Whether the entries were archived during the check. */
  private async isArchived(manager: EntityManager, index: number): Promise<boolean> {
    const log = await this.logs.find(manager);
    return log !== undefined && index * TILE_WIDTH < log.pruned;
  }
}
