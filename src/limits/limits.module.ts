import { Global, Module } from '@nestjs/common';
import { Load } from './load.service.js';
import { RateLimits } from './rate-limits.service.js';

/** Rate limits and load shedding. */
@Global()
@Module({ providers: [RateLimits, Load], exports: [RateLimits, Load] })
export class LimitsModule {}
