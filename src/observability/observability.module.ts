import { Global, Module } from '@nestjs/common';
import { EventMetrics } from './event-metrics.js';
import { Metrics } from './metrics.js';

@Global()
@Module({ providers: [Metrics, EventMetrics], exports: [Metrics, EventMetrics] })
export class ObservabilityModule {}
