import { Module } from '@nestjs/common';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { HealthController } from './health.controller.js';
import { HealthMetricsService } from './health-metrics.service.js';
import { HealthService } from './health.service.js';
import { MetricsController } from './metrics.controller.js';

@Module({
  imports: [AuthModule, AuditLogModule],
  controllers: [HealthController, MetricsController],
  providers: [HealthService, HealthMetricsService],
})
export class HealthModule {}
