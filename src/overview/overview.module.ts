import { Module } from '@nestjs/common';
import { ApprovalsModule } from '../approvals/approvals.module.js';
import { OverviewController } from './overview.controller.js';
import { OverviewRepository } from './overview.repository.js';
import { OverviewService } from './overview.service.js';
import { WaitingController } from './waiting.controller.js';

@Module({
  imports: [ApprovalsModule],
  controllers: [OverviewController, WaitingController],
  providers: [OverviewRepository, OverviewService],
})
export class OverviewModule {}
