import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventsModule } from '../events/events.module.js';
import { AnchorSenderService } from './anchor-sender.service.js';
import { AnchorsService } from './anchors.service.js';
import { ArchivesRepository } from './archives.repository.js';
import { AuditHead } from './audit-head.entity.js';
import { AuditHeadsRepository } from './audit-heads.repository.js';
import { AuditLog } from './audit-log.entity.js';
import { AuditLogController } from './audit-log.controller.js';
import { AuditLogMetricsService } from './audit-log-metrics.service.js';
import { AuditLogRepository } from './audit-log.repository.js';
import { AuditLogStateService } from './audit-log-state.service.js';
import { AuditTile } from './audit-tile.entity.js';
import { AuditTilesRepository } from './audit-tiles.repository.js';
import { EntryProofsController } from './entry-proofs.controller.js';
import { EntryProofsService } from './entry-proofs.service.js';
import { EventSealsRepository } from './event-seals.repository.js';
import { EventSealsService } from './event-seals.service.js';
import { HeadCheckService } from './head-check.service.js';
import { HeadHeaderService } from './head-header.service.js';
import { HeadSignerService } from './head-signer.service.js';
import { HeadThinningService } from './head-thinning.service.js';
import { KeyEventsRepository } from './key-events.repository.js';
import { KnownHeadsService } from './known-heads.service.js';
import { LogGrowthService } from './log-growth.service.js';
import { LogKeyringService } from './log-keyring.service.js';
import { LogKeysService } from './log-keys.service.js';
import { LogOriginService } from './log-origin.service.js';
import { PatrolService } from './patrol.service.js';
import { PublishedHeadsService } from './published-heads.service.js';
import { SealedLogService } from './sealed-log.service.js';
import { SealerService } from './sealer.service.js';
import { ServedHeadsService } from './served-heads.service.js';
import { SigningCheckService } from './signing-check.service.js';
import { SigningKeyService } from './signing-key.service.js';
import { TileChecksService } from './tile-checks.service.js';
import { WitnessesService } from './witnesses.service.js';
import { WitnessSubmissionsService } from './witness-submissions.service.js';

@Module({
  imports: [EventsModule, TypeOrmModule.forFeature([AuditLog, AuditTile, AuditHead])],
  controllers: [AuditLogController, EntryProofsController],
  providers: [
    AuditLogRepository,
    AuditTilesRepository,
    AuditHeadsRepository,
    ArchivesRepository,
    KeyEventsRepository,
    SigningKeyService,
    LogKeyringService,
    ServedHeadsService,
    KnownHeadsService,
    HeadCheckService,
    PublishedHeadsService,
    AuditLogStateService,
    AuditLogMetricsService,
    LogOriginService,
    LogGrowthService,
    SigningCheckService,
    HeadSignerService,
    SealerService,
    AnchorSenderService,
    AnchorsService,
    HeadThinningService,
    WitnessSubmissionsService,
    WitnessesService,
    HeadHeaderService,
    SealedLogService,
    LogKeysService,
    EntryProofsService,
    EventSealsRepository,
    EventSealsService,
    TileChecksService,
    PatrolService,
  ],
  exports: [
    HeadHeaderService,
    ServedHeadsService,
    AuditLogStateService,
    AuditLogRepository,
    AuditHeadsRepository,
    AuditTilesRepository,
    SigningKeyService,
  ],
})
export class AuditLogModule {}
