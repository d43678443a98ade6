import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ExpiryService } from './expiry.service.js';
import { LifecycleService } from './lifecycle.service.js';
import { ParkedTasksService } from './parked-tasks.service.js';

@Module({
  imports: [AuditModule],
  providers: [LifecycleService, ExpiryService, ParkedTasksService],
  exports: [LifecycleService, ExpiryService, ParkedTasksService],
})
export class LifecycleModule {}
