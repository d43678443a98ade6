import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { EventLogEpoch } from './event-log-epoch.entity.js';
import { EventLogEntry } from './event-log-entry.entity.js';
import { EventLogHead } from './event-log-head.entity.js';
import { EventLogMetricsService } from './event-log-metrics.service.js';
import { EventHubService } from './event-hub.service.js';
import { EventLogRepository } from './event-log.repository.js';
import { EventReaderService } from './event-reader.service.js';
import { EventStreamsService } from './event-streams.service.js';
import { StateWatchesService } from './state-watches.service.js';
import { EventsController } from './events.controller.js';
import { EventsRepository } from './events.repository.js';
import { SequencerService } from './sequencer.service.js';

@Module({
  imports: [AuditModule, TypeOrmModule.forFeature([EventLogEntry, EventLogHead, EventLogEpoch])],
  controllers: [EventsController],
  providers: [
    EventLogRepository,
    EventsRepository,
    SequencerService,
    EventLogMetricsService,
    EventHubService,
    EventReaderService,
    EventStreamsService,
    StateWatchesService,
  ],
  exports: [EventHubService, EventReaderService, EventStreamsService, StateWatchesService],
})
export class EventsModule {}
