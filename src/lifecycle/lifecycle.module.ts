import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ExpiryService } from './expiry.service.js';
import { LifecycleRepository } from './lifecycle.repository.js';
import { LifecycleService } from './lifecycle.service.js';
import { ParkedTasksService } from './parked-tasks.service.js';
import { TaskStatesRepository } from './task-states.repository.js';
import { TaskStatesService } from './task-states.service.js';

@Module({
  imports: [AuditModule],
  providers: [
    LifecycleService,
    ExpiryService,
    ParkedTasksService,
    TaskStatesService,
    LifecycleRepository,
    TaskStatesRepository,
  ],
  exports: [LifecycleService, ExpiryService, ParkedTasksService, TaskStatesService],
})
export class LifecycleModule {}
