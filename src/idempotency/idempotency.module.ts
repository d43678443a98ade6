import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdempotencyController } from './idempotency.controller.js';
import { IdempotencyMetrics } from './idempotency-metrics.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';
import { IdempotencyRecords } from './idempotency-records.js';
import { IdempotencyService } from './idempotency.service.js';
import { KeptAnswers } from './kept-answers.js';
import { KeyedRequests } from './keyed-requests.service.js';
import { ReplayRules } from './replay-rules.js';

@Module({
  imports: [TypeOrmModule.forFeature([IdempotencyRecord])],
  controllers: [IdempotencyController],
  providers: [
    IdempotencyService,
    IdempotencyRecords,
    IdempotencyMetrics,
    KeptAnswers,
    KeyedRequests,
    ReplayRules,
  ],
  exports: [IdempotencyService, ReplayRules],
})
export class IdempotencyModule {}
