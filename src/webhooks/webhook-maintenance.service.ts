import { Injectable, type OnModuleInit } from '@nestjs/common';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { ReplayRulesService } from '../idempotency/replay-rules.service.js';
import { WebhookDeliveriesRepository } from './webhook-deliveries.repository.js';
import { WebhookSecretsService } from './webhook-secrets.service.js';

/** Days for which ended deliveries are kept. */
const KEEP_DAYS = 14;
const BATCH = 500;

/** Deletes old deliveries, and keeps secrets out of idempotency records. */
@Injectable()
export class WebhookMaintenanceService implements OnModuleInit {
  constructor(
    private readonly sweeper: SweeperService,
    private readonly rules: ReplayRulesService,
    private readonly secrets: WebhookSecretsService,
    private readonly transactions: TransactionsService,
    private readonly deliveries: WebhookDeliveriesRepository,
  ) {}

  onModuleInit(): void {
    this.rules.add({
      method: 'POST',
      path: /^\/webhooks(\/[^/]+\/rotate)?\/?$/i,
      secrecy: {
        seal: (text) => this.secrets.sealResponse(text),
        open: (text) => this.secrets.openResponse(text),
      },
    });
    this.sweeper.add({
      name: 'Webhook deliveries deleted',
      batch: BATCH,
      run: () =>
        this.transactions.run((manager) => this.deliveries.deleteOld(manager, KEEP_DAYS, BATCH)),
    });
  }
}
