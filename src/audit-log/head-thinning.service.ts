import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AuditHeadsRepository, THIN_BATCH } from './audit-heads.repository.js';

const HOUR_MS = 3_600_000;

/** Deletes old heads of the sealed log once an hour, so that one for each hour remains. */
@Injectable()
export class HeadThinningService implements OnModuleInit {
  private dueAt = 0;

  constructor(
    private readonly heads: AuditHeadsRepository,
    private readonly transactions: TransactionsService,
    private readonly sweeper: SweeperService,
    private readonly environment: Environment,
  ) {}

  onModuleInit(): void {
    if (!this.environment.AUDIT_SEAL) return;
    this.sweeper.add({
      name: 'deleted old heads of the audit log',
      batch: THIN_BATCH,
      run: () => this.thin(),
    });
  }

  private async thin(): Promise<number> {
    if (performance.now() < this.dueAt) return 0;
    const deleted = await this.transactions.runInNewTransaction((manager) =>
      this.heads.thin(manager),
    );
    if (deleted < THIN_BATCH) this.dueAt = performance.now() + HOUR_MS;
    return deleted;
  }
}
