import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ApprovalsModule } from '../approvals/approvals.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { LifecycleModule } from '../lifecycle/lifecycle.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { Task } from './task.entity.js';
import { TasksController } from './tasks.controller.js';
import { TasksReader } from './tasks-reader.service.js';
import { TasksService } from './tasks.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Task]),
    ApprovalsModule,
    AuditModule,
    LifecycleModule,
    SessionsModule,
  ],
  controllers: [TasksController],
  providers: [TasksService, TasksReader],
})
export class TasksModule {}
