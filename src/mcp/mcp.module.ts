import { Module } from '@nestjs/common';
import { ApprovalsModule } from '../approvals/approvals.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { EventsModule } from '../events/events.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { ReceiptsModule } from '../receipts/receipts.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { ApprovalOperationsService } from './http/approval-operations.service.js';
import { EventOperationsService } from './http/event-operations.service.js';
import { InProcessMeshService } from './http/in-process-mesh.service.js';
import { McpController } from './http/mcp.controller.js';
import { McpHttpAdapter } from './http/mcp-http.adapter.js';
import { ReceiptOperationsService } from './http/receipt-operations.service.js';
import { ResourceMetadataController } from './http/resource-metadata.controller.js';
import { SessionOperationsService } from './http/session-operations.service.js';
import { TaskOperationsService } from './http/task-operations.service.js';
import { ToolCallsService } from './http/tool-calls.service.js';

@Module({
  imports: [
    AuthModule,
    ApprovalsModule,
    AuditModule,
    EventsModule,
    IdempotencyModule,
    ReceiptsModule,
    SessionsModule,
    TasksModule,
  ],
  controllers: [McpController, ResourceMetadataController],
  providers: [
    InProcessMeshService,
    McpHttpAdapter,
    ToolCallsService,
    TaskOperationsService,
    SessionOperationsService,
    ApprovalOperationsService,
    EventOperationsService,
    ReceiptOperationsService,
  ],
  exports: [InProcessMeshService],
})
export class McpModule {}
