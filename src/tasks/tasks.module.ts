import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ApprovalsModule } from '../approvals/approvals.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { EventsModule } from '../events/events.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { LifecycleModule } from '../lifecycle/lifecycle.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { SubjectsModule } from '../subjects/subjects.module.js';
import { BulkControlController } from './bulk-control.controller.js';
import { BulkControlService } from './bulk-control.service.js';
import { CascadesService } from './cascades.service.js';
import { ClaimsService } from './claims.service.js';
import { InboxRepository } from './inbox.repository.js';
import { InboxWaitService } from './inbox-wait.service.js';
import { LineageService } from './lineage.service.js';
import { RouteChecksService } from './route-checks.service.js';
import { TaskChangesService } from './task-changes.service.js';
import { TaskControlAccessService } from './task-control-access.service.js';
import { TaskControlService } from './task-control.service.js';
import { TaskHistoryService } from './task-history.service.js';
import { TaskBlockersRepository } from './task-blockers.repository.js';
import { TaskBlockersService } from './task-blockers.service.js';
import { TaskMetricsRepository } from './task-metrics.repository.js';
import { TaskMetricsService } from './task-metrics.service.js';
import { TaskReplaysService } from './task-replays.service.js';
import { TaskSelectionsRepository } from './task-selections.repository.js';
import { TaskListsRepository } from './task-lists.repository.js';
import { TaskPagesService } from './task-pages.service.js';
import { TaskTreesRepository } from './task-trees.repository.js';
import { Task } from './task.entity.js';
import { TaskDetailsController } from './task-details.controller.js';
import { TaskWatchesService } from './task-watches.service.js';
import { ClaimsController } from './claims.controller.js';
import { TaskControlController } from './task-control.controller.js';
import { TasksController } from './tasks.controller.js';
import { TasksRepository } from './tasks.repository.js';
import { TasksReaderService } from './tasks-reader.service.js';
import { TasksService } from './tasks.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Task]),
    ApprovalsModule,
    AuditModule,
    EventsModule,
    IdempotencyModule,
    LifecycleModule,
    SessionsModule,
    SubjectsModule,
  ],
  // In this order: the routes of the first take precedence over `:id`.
  controllers: [
    TasksController,
    ClaimsController,
    TaskControlController,
    BulkControlController,
    TaskDetailsController,
  ],
  providers: [
    TasksRepository,
    TaskListsRepository,
    TaskTreesRepository,
    TaskBlockersRepository,
    InboxRepository,
    LineageService,
    RouteChecksService,
    TasksService,
    TasksReaderService,
    TaskPagesService,
    ClaimsService,
    TaskControlAccessService,
    TaskControlService,
    TaskChangesService,
    TaskSelectionsRepository,
    BulkControlService,
    CascadesService,
    InboxWaitService,
    TaskMetricsRepository,
    TaskMetricsService,
    TaskHistoryService,
    TaskBlockersService,
    TaskReplaysService,
    TaskWatchesService,
  ],
  exports: [
    TasksService,
    TasksReaderService,
    TaskPagesService,
    ClaimsService,
    TaskControlService,
    InboxWaitService,
    TaskHistoryService,
    TaskWatchesService,
  ],
})
export class TasksModule {}
