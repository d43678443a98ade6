import { Global, Module } from '@nestjs/common';
import { LoadShedderService } from './load-shedder.service.js';
import { RateLimitsService } from './rate-limits.service.js';

/** Rate limits and load shedding. */
@Global()
@Module({
  providers: [RateLimitsService, LoadShedderService],
  exports: [RateLimitsService, LoadShedderService],
})
export class LimitsModule {}
