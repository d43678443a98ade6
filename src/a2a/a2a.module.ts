import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { EventsModule } from '../events/events.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { LifecycleModule } from '../lifecycle/lifecycle.module.js';
import { McpModule } from '../mcp/mcp.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { WebhookSecretsService } from '../webhooks/webhook-secrets.service.js';
import { WebhookSenderService } from '../webhooks/webhook-sender.service.js';
import { WebhookUrlsService } from '../webhooks/webhook-urls.service.js';
import { A2aController } from './a2a.controller.js';
import { A2aHttpAdapter } from './a2a-http.adapter.js';
import { A2aTasksRepository } from './a2a-tasks.repository.js';
import { AgentCardsService } from './agent-cards.service.js';
import { AgentServicesService } from './agent-services.service.js';
import { CancellationsService } from './cancellations.service.js';
import { FurtherMessagesService } from './further-messages.service.js';
import { MessagesService } from './messages.service.js';
import { PushAttemptsService } from './push-attempts.service.js';
import { PushConfig } from './push-config.entity.js';
import { PushConfigsRepository } from './push-configs.repository.js';
import { PushConfigsService } from './push-configs.service.js';
import { PushDispatcherService } from './push-dispatcher.service.js';
import { PushMaintenanceService } from './push-maintenance.service.js';
import { PushQueueRepository } from './push-queue.repository.js';
import { PushSecretsService } from './push-secrets.service.js';
import { TaskListsService } from './task-lists.service.js';
import { TaskReaderService } from './task-reader.service.js';
import { TaskStreamsService } from './task-streams.service.js';
import { TaskWaitsService } from './task-waits.service.js';

@Module({
  imports: [
    AuditModule,
    AuditLogModule,
    EventsModule,
    IdempotencyModule,
    LifecycleModule,
    McpModule,
    TasksModule,
    TypeOrmModule.forFeature([PushConfig]),
  ],
  controllers: [A2aController],
  providers: [
    A2aTasksRepository,
    AgentCardsService,
    TaskReaderService,
    TaskWaitsService,
    TaskListsService,
    TaskStreamsService,
    FurtherMessagesService,
    MessagesService,
    CancellationsService,
    AgentServicesService,
    A2aHttpAdapter,
    PushConfigsRepository,
    PushQueueRepository,
    PushSecretsService,
    PushConfigsService,
    PushAttemptsService,
    PushDispatcherService,
    PushMaintenanceService,
    WebhookSecretsService,
    WebhookUrlsService,
    // An instance of its own: it stops with the push notifications, not with the webhooks.
    WebhookSenderService,
  ],
})
export class A2aModule {}
