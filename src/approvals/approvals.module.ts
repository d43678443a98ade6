import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { Approval } from './approval.entity.js';
import { ApprovalsController } from './approvals.controller.js';
import { ApprovalsReader } from './approvals-reader.service.js';
import { ApprovalsService } from './approvals.service.js';
import { DecisionsService } from './decisions.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Approval]), AuditModule],
  controllers: [ApprovalsController],
  providers: [ApprovalsService, DecisionsService, ApprovalsReader],
  exports: [ApprovalsService, DecisionsService, ApprovalsReader],
})
export class ApprovalsModule {}
