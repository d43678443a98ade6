import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdempotencyController } from './idempotency.controller.js';
import { IdempotencyMetricsService } from './idempotency-metrics.service.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';
import { IdempotencyService } from './idempotency.service.js';
import { ResponseCacheService } from './response-cache.service.js';
import { IdempotencyLookupService } from './idempotency-lookup.service.js';
import { ReplayRulesService } from './replay-rules.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([IdempotencyRecord])],
  controllers: [IdempotencyController],
  providers: [
    IdempotencyService,
    IdempotencyRecordsRepository,
    IdempotencyMetricsService,
    ResponseCacheService,
    IdempotencyLookupService,
    ReplayRulesService,
  ],
  exports: [IdempotencyService, ReplayRulesService],
})
export class IdempotencyModule {}
