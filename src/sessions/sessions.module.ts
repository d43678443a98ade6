import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ApprovalsModule } from '../approvals/approvals.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { LifecycleModule } from '../lifecycle/lifecycle.module.js';
import { AttemptTimeoutsRepository } from './attempt-timeouts.repository.js';
import { AttemptsRepository } from './attempts.repository.js';
import { AttemptsService } from './attempts.service.js';
import { AttemptTimeoutsService } from './attempt-timeouts.service.js';
import { LeasesController } from './leases.controller.js';
import { LeasesService } from './leases.service.js';
import { ReleasesService } from './releases.service.js';
import { SessionWriteAccessService } from './session-write-access.service.js';
import { LeaseExtensionsService } from './lease-extensions.service.js';
import { SessionReplaysService } from './session-replays.service.js';
import { Session } from './session.entity.js';
import { SessionWatchesService } from './session-watches.service.js';
import { SessionUpdatesService } from './session-updates.service.js';
import { SessionsController } from './sessions.controller.js';
import { SessionListsRepository } from './session-lists.repository.js';
import { SessionsReaderService } from './sessions-reader.service.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Session]),
    ApprovalsModule,
    AuditModule,
    IdempotencyModule,
    LifecycleModule,
  ],
  controllers: [SessionsController, LeasesController],
  providers: [
    SessionsRepository,
    SessionListsRepository,
    AttemptsRepository,
    AttemptTimeoutsRepository,
    SessionsService,
    SessionUpdatesService,
    SessionsReaderService,
    SessionWatchesService,
    SessionWriteAccessService,
    AttemptsService,
    LeasesService,
    ReleasesService,
    AttemptTimeoutsService,
    SessionReplaysService,
    LeaseExtensionsService,
  ],
  exports: [
    SessionWatchesService,
    AttemptsRepository,
    SessionsService,
    SessionUpdatesService,
    SessionsReaderService,
    AttemptsService,
    LeasesService,
  ],
})
export class SessionsModule {}
