import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { LifecycleModule } from '../lifecycle/lifecycle.module.js';
import { SubjectsModule } from '../subjects/subjects.module.js';
import { ApprovalExtensionsService } from './approval-extensions.service.js';
import { ApprovalReplaysService } from './approval-replays.service.js';
import { Approval } from './approval.entity.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalExpiry } from './approval-expiry.service.js';
import { ApprovalGate } from './approval-gate.service.js';
import { ApprovalMetrics } from './approval-metrics.service.js';
import { ApprovalOpenings } from './approval-openings.service.js';
import { ApprovalRequirementsService } from './approval-requirements.service.js';
import { ApprovalStepsController } from './approval-steps.controller.js';
import { ApprovalVote } from './approval-vote.entity.js';
import { ApprovalsController } from './approvals.controller.js';
import { ApprovalsReader } from './approvals-reader.service.js';
import { ApprovalsService } from './approvals.service.js';
import { Consumptions } from './consumptions.service.js';
import { DecisionsService } from './decisions.service.js';
import { Delegations } from './delegations.service.js';
import { ReassignmentsService } from './reassignments.service.js';
import { RecallsService } from './recalls.service.js';
import { VoteRenewal } from './vote-renewal.entity.js';
import { Votes } from './votes.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Approval, ApprovalVote, VoteRenewal]),
    AuditModule,
    IdempotencyModule,
    LifecycleModule,
    SubjectsModule,
  ],
  controllers: [ApprovalsController, ApprovalStepsController],
  providers: [
    ApprovalsReader,
    ApprovalsService,
    DecisionsService,
    Delegations,
    RecallsService,
    ReassignmentsService,
    Consumptions,
    Votes,
    ApprovalOpenings,
    ApprovalExclusionsService,
    ApprovalRequirementsService,
    ApprovalExpiry,
    ApprovalGate,
    ApprovalMetrics,
    ApprovalReplaysService,
    ApprovalExtensionsService,
  ],
  exports: [
    ApprovalsReader,
    ApprovalsService,
    DecisionsService,
    Consumptions,
    ApprovalOpenings,
    ApprovalRequirementsService,
  ],
})
export class ApprovalsModule {}
