import { Global, Module } from '@nestjs/common';
import { EventMetricsService } from './event-metrics.service.js';
import { MetricsService } from './metrics.service.js';

@Global()
@Module({
  providers: [MetricsService, EventMetricsService],
  exports: [MetricsService, EventMetricsService],
})
export class ObservabilityModule {}
