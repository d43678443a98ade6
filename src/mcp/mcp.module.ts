import { Module } from '@nestjs/common';
import { ApprovalsModule } from '../approvals/approvals.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { ApprovalOperations } from './approval-operations.js';
import { LocalMesh } from './local-mesh.service.js';
import { McpController } from './mcp.controller.js';
import { McpEndpoint } from './mcp-endpoint.js';
import { ResourceMetadataController } from './resource-metadata.controller.js';
import { SessionOperations } from './session-operations.js';
import { TaskOperations } from './task-operations.js';
import { ToolCallsService } from './tool-calls.service.js';

@Module({
  imports: [ApprovalsModule, AuditModule, IdempotencyModule, SessionsModule, TasksModule],
  controllers: [McpController, ResourceMetadataController],
  providers: [
    LocalMesh,
    McpEndpoint,
    ToolCallsService,
    TaskOperations,
    SessionOperations,
    ApprovalOperations,
  ],
})
export class McpModule {}
