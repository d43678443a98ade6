import { Global, Module } from '@nestjs/common';
import { Load } from './load.service.js';
import { RateLimits } from './rate-limits.service.js';

/** How much the process lets in, and of whom. */
@Global()
@Module({ providers: [RateLimits, Load], exports: [RateLimits, Load] })
export class LimitsModule {}
