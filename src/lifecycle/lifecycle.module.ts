import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ExpiryService } from './expiry.service.js';
import { LifecycleService } from './lifecycle.service.js';
import { Sweeper } from './sweeper.js';

@Module({
  imports: [AuditModule],
  providers: [LifecycleService, ExpiryService, Sweeper],
  exports: [LifecycleService, ExpiryService],
})
export class LifecycleModule {}
