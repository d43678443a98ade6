import { Global, Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { AdmissionService } from './admission.service.js';
import { LoadMonitorService } from './load-monitor.service.js';
import { LoadShedderService } from './load-shedder.service.js';
import { RateLimitsService } from './rate-limits.service.js';
import { ShutdownService } from './shutdown.service.js';
import { SlowClientsService } from './slow-clients.service.js';

/** Rate limits and load shedding. */
@Global()
@Module({
  imports: [AuthModule],
  providers: [
    AdmissionService,
    LoadMonitorService,
    LoadShedderService,
    RateLimitsService,
    ShutdownService,
    SlowClientsService,
  ],
  exports: [AdmissionService, RateLimitsService, ShutdownService],
})
export class LimitsModule {}
