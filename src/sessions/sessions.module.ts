import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { LifecycleModule } from '../lifecycle/lifecycle.module.js';
import { Attempts } from './attempts.service.js';
import { Lapses } from './lapses.service.js';
import { Leases } from './leases.service.js';
import { ReleasesService } from './releases.service.js';
import { WritableSessions } from './session-access.js';
import { LeaseExtensionsService } from './lease-extensions.service.js';
import { SessionReplaysService } from './session-replays.service.js';
import { Session } from './session.entity.js';
import { SessionWatchesService } from './session-watches.service.js';
import { SessionUpdates } from './session-updates.service.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsReader } from './sessions-reader.service.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Session]), AuditModule, IdempotencyModule, LifecycleModule],
  controllers: [SessionsController],
  providers: [
    SessionsService,
    SessionUpdates,
    SessionsReader,
    SessionWatchesService,
    WritableSessions,
    Attempts,
    Leases,
    ReleasesService,
    Lapses,
    SessionReplaysService,
    LeaseExtensionsService,
  ],
  exports: [SessionsService, SessionUpdates, SessionsReader, Attempts, Leases],
})
export class SessionsModule {}
