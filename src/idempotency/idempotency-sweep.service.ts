import { Injectable, type OnModuleInit } from '@nestjs/common';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';

const BATCH = 1_000;

/** Deletes expired idempotency records. */
@Injectable()
export class IdempotencySweepService implements OnModuleInit {
  constructor(
    private readonly sweeper: SweeperService,
    private readonly transactions: TransactionsService,
    private readonly records: IdempotencyRecordsRepository,
  ) {}

  onModuleInit(): void {
    this.sweeper.add({
      name: 'deleted expired idempotency records',
      batch: BATCH,
      run: () => this.transactions.run((manager) => this.records.deleteExpired(manager, BATCH)),
    });
  }
}
