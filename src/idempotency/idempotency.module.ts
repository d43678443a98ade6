import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdempotencyController } from './idempotency.controller.js';
import { IdempotencyMetricsService } from './idempotency-metrics.service.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';
import { IdempotencySweepService } from './idempotency-sweep.service.js';
import { IdempotencyService } from './idempotency.service.js';
import { KeyedExecutionService } from './keyed-execution.service.js';
import { KeyedTransactionService } from './keyed-transaction.service.js';
import { ResponseCacheService } from './response-cache.service.js';
import { IdempotencyLookupService } from './idempotency-lookup.service.js';
import { ReplayRulesService } from './replay-rules.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([IdempotencyRecord])],
  controllers: [IdempotencyController],
  providers: [
    IdempotencyService,
    KeyedExecutionService,
    KeyedTransactionService,
    IdempotencySweepService,
    IdempotencyRecordsRepository,
    IdempotencyMetricsService,
    ResponseCacheService,
    IdempotencyLookupService,
    ReplayRulesService,
  ],
  exports: [IdempotencyService, ReplayRulesService],
})
export class IdempotencyModule {}
