import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { LifecycleModule } from '../lifecycle/lifecycle.module.js';
import { Session } from './session.entity.js';
import { SessionUpdates } from './session-updates.service.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsReader } from './sessions-reader.service.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Session]), AuditModule, LifecycleModule],
  controllers: [SessionsController],
  providers: [SessionsService, SessionUpdates, SessionsReader],
  exports: [SessionsService],
})
export class SessionsModule {}
