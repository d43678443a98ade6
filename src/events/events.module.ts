import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { EventLogEpoch } from './event-log-epoch.entity.js';
import { EventLogEntry } from './event-log-entry.entity.js';
import { EventLogHead } from './event-log-head.entity.js';
import { EventLogMetricsService } from './event-log-metrics.service.js';
import { EventLogRepository } from './event-log.repository.js';
import { SequencerService } from './sequencer.service.js';

@Module({
  imports: [AuditModule, TypeOrmModule.forFeature([EventLogEntry, EventLogHead, EventLogEpoch])],
  providers: [EventLogRepository, SequencerService, EventLogMetricsService],
  exports: [EventLogRepository],
})
export class EventsModule {}
