import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ExpiryService } from './expiry.service.js';
import { LifecycleService } from './lifecycle.service.js';

@Module({
  imports: [AuditModule],
  providers: [LifecycleService, ExpiryService],
  exports: [LifecycleService, ExpiryService],
})
export class LifecycleModule {}
