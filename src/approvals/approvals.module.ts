import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { EventsModule } from '../events/events.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { LifecycleModule } from '../lifecycle/lifecycle.module.js';
import { SubjectsModule } from '../subjects/subjects.module.js';
import { ApprovalExtensionsService } from './approval-extensions.service.js';
import { ApprovalReplaysService } from './approval-replays.service.js';
import { Approval } from './approval.entity.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalExpiryService } from './approval-expiry.service.js';
import { ApprovalListsRepository } from './approval-lists.repository.js';
import { ApprovalGateService } from './approval-gate.service.js';
import { ApprovalMetricsService } from './approval-metrics.service.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import { ApprovalRequirementsService } from './approval-requirements.service.js';
import { ApprovalActionsController } from './approval-actions.controller.js';
import { ApprovalVote } from './approval-vote.entity.js';
import { ApprovalsController } from './approvals.controller.js';
import { ApprovalWatchesService } from './approval-watches.service.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import { ApprovalsService } from './approvals.service.js';
import { ConsumptionsService } from './consumptions.service.js';
import { DecisionMovesController } from './decision-moves.controller.js';
import { DecisionMovesService } from './decision-moves.service.js';
import { DecisionsService } from './decisions.service.js';
import { DelegationsService } from './delegations.service.js';
import { ReassignmentsService } from './reassignments.service.js';
import { RecallsService } from './recalls.service.js';
import { VoteRenewal } from './vote-renewal.entity.js';
import { VotesService } from './votes.service.js';
import { ApprovalChangesRepository } from './approval-changes.repository.js';
import { ApprovalConsumptionsRepository } from './approval-consumptions.repository.js';
import { ApprovalDeadlinesRepository } from './approval-deadlines.repository.js';
import { ApprovalExclusionsRepository } from './approval-exclusions.repository.js';
import { ApprovalRequirementsRepository } from './approval-requirements.repository.js';
import { ApprovalVotesRepository } from './approval-votes.repository.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { TaskAttemptsRepository } from './task-attempts.repository.js';
import { ApproverChecksService } from './approver-checks.service.js';
import { ConsumptionAccessService } from './consumption-access.service.js';
import { UnrequestedDecisionsService } from './unrequested-decisions.service.js';
import { WithdrawalsService } from './withdrawals.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Approval, ApprovalVote, VoteRenewal]),
    AuditModule,
    EventsModule,
    IdempotencyModule,
    LifecycleModule,
    SubjectsModule,
  ],
  controllers: [ApprovalsController, ApprovalActionsController, DecisionMovesController],
  providers: [
    ApprovalsRepository,
    ApprovalChangesRepository,
    ApprovalConsumptionsRepository,
    ApprovalDeadlinesRepository,
    ApprovalExclusionsRepository,
    ApprovalListsRepository,
    ApprovalRequirementsRepository,
    ApprovalVotesRepository,
    TaskAttemptsRepository,
    ApprovalsReaderService,
    ApprovalsService,
    DecisionsService,
    DecisionMovesService,
    DelegationsService,
    RecallsService,
    ReassignmentsService,
    ConsumptionAccessService,
    ConsumptionsService,
    ApproverChecksService,
    VotesService,
    UnrequestedDecisionsService,
    WithdrawalsService,
    ApprovalRequestsService,
    ApprovalExclusionsService,
    ApprovalRequirementsService,
    ApprovalExpiryService,
    ApprovalGateService,
    ApprovalMetricsService,
    ApprovalReplaysService,
    ApprovalExtensionsService,
    ApprovalWatchesService,
  ],
  exports: [
    ApprovalsRepository,
    ApprovalsReaderService,
    ApprovalsService,
    DecisionsService,
    ConsumptionsService,
    ApprovalRequestsService,
    ApprovalRequirementsService,
    ApprovalWatchesService,
  ],
})
export class ApprovalsModule {}
