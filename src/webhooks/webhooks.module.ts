import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { EventsModule } from '../events/events.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { WebhookAttempt } from './webhook-attempt.entity.js';
import { WebhookAttemptsService } from './webhook-attempts.service.js';
import { WebhookDeliveriesController } from './webhook-deliveries.controller.js';
import { WebhookDeliveriesRepository } from './webhook-deliveries.repository.js';
import { WebhookDeliveriesService } from './webhook-deliveries.service.js';
import { WebhookDelivery } from './webhook-delivery.entity.js';
import { WebhookDispatcherService } from './webhook-dispatcher.service.js';
import { WebhookMaintenanceService } from './webhook-maintenance.service.js';
import { WebhookQueueRepository } from './webhook-queue.repository.js';
import { WebhookMetricsService } from './webhook-metrics.service.js';
import { WebhookQueueService } from './webhook-queue.service.js';
import { WebhookSecretsService } from './webhook-secrets.service.js';
import { WebhookSenderService } from './webhook-sender.service.js';
import { WebhookUrlsService } from './webhook-urls.service.js';
import { Webhook } from './webhook.entity.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksRepository } from './webhooks.repository.js';
import { WebhooksService } from './webhooks.service.js';

@Module({
  imports: [
    AuditModule,
    EventsModule,
    IdempotencyModule,
    TypeOrmModule.forFeature([Webhook, WebhookDelivery, WebhookAttempt]),
  ],
  controllers: [WebhooksController, WebhookDeliveriesController],
  providers: [
    WebhooksRepository,
    WebhookDeliveriesRepository,
    WebhookQueueRepository,
    WebhooksService,
    WebhookDeliveriesService,
    WebhookUrlsService,
    WebhookSecretsService,
    WebhookQueueService,
    WebhookAttemptsService,
    WebhookSenderService,
    WebhookDispatcherService,
    WebhookMaintenanceService,
    WebhookMetricsService,
  ],
})
export class WebhooksModule {}
