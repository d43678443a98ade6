import { Injectable, type OnModuleInit } from '@nestjs/common';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { PushConfigsRepository } from './push-configs.repository.js';

/** Days for which configurations that have ended are kept. */
const KEEP_DAYS = 14;
const BATCH = 500;

/** Deletes push notification configurations that have ended. */
@Injectable()
export class PushMaintenanceService implements OnModuleInit {
  constructor(
    private readonly sweeper: SweeperService,
    private readonly transactions: TransactionsService,
    private readonly configs: PushConfigsRepository,
  ) {}

  onModuleInit(): void {
    this.sweeper.add({
      name: 'Push configurations deleted',
      batch: BATCH,
      run: () =>
        this.transactions.run((manager) => this.configs.deleteEnded(manager, KEEP_DAYS, BATCH)),
    });
  }
}
