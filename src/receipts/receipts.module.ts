import { Module } from '@nestjs/common';
import { ApprovalsModule } from '../approvals/approvals.module.js';
import { AuditLogModule } from '../audit-log/audit-log.module.js';
import { EventsModule } from '../events/events.module.js';
import { ReceiptEvidenceService } from './receipt-evidence.service.js';
import { ReceiptsController } from './receipts.controller.js';
import { ReceiptsMetricsService } from './receipts-metrics.service.js';
import { ReceiptsRepository } from './receipts.repository.js';
import { ReceiptsService } from './receipts.service.js';

@Module({
  imports: [ApprovalsModule, AuditLogModule, EventsModule],
  controllers: [ReceiptsController],
  providers: [ReceiptsRepository, ReceiptEvidenceService, ReceiptsService, ReceiptsMetricsService],
  exports: [ReceiptsService],
})
export class ReceiptsModule {}
