import { Injectable } from '@nestjs/common';
import { ApprovalWatchesService } from '../../approvals/approval-watches.service.js';
import { ApprovalWatchQuery } from '../../approvals/dto/approval-watch.query.js';
import { ApprovalsReaderService } from '../../approvals/approvals-reader.service.js';
import { ApprovalsService } from '../../approvals/approvals.service.js';
import { DecisionsService } from '../../approvals/decisions.service.js';
import { ConsumptionsService } from '../../approvals/consumptions.service.js';
import { ConsumeApprovalDto } from '../../approvals/dto/consume-approval.dto.js';
import { CreateApprovalDto } from '../../approvals/dto/create-approval.dto.js';
import { DecideApprovalDto } from '../../approvals/dto/decide-approval.dto.js';
import { ListApprovalsQuery } from '../../approvals/dto/list-approvals.query.js';
import { approvalIdOf, bodyAs, type InProcessOperations, queryAs } from './in-process-operation.js';

/** The operations of the approval controllers, without HTTP. */
@Injectable()
export class ApprovalOperationsService {
  constructor(
    private readonly approvals: ApprovalsService,
    private readonly decisions: DecisionsService,
    private readonly consumptions: ConsumptionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly watches: ApprovalWatchesService,
  ) {}

  readonly all = {
    ask_for_approval: {
      status: 202,
      run: async (call) => {
        const dto = await bodyAs(CreateApprovalDto, call);
        return dto.decision === 'pending'
          ? this.approvals.create(call.agent, dto)
          : this.decisions.decideAbout(call.agent, dto, dto.decision);
      },
    },
    list_approvals: {
      status: 200,
      run: async (call) => this.reader.list(call.agent, await queryAs(ListApprovalsQuery, call)),
    },
    get_approval: {
      status: 200,
      run: async (call) => {
        const watch = { ...(await queryAs(ApprovalWatchQuery, call)), ifNoneMatch: undefined };
        return (await this.watches.wait(call.agent, approvalIdOf(call), watch, call.gone)).value;
      },
    },
    decide_approval: {
      status: 200,
      run: async (call) =>
        this.decisions.decide(
          call.agent,
          approvalIdOf(call),
          await bodyAs(DecideApprovalDto, call),
        ),
    },
    consume_approval: {
      status: 200,
      run: async (call) => {
        const { digest } = await bodyAs(ConsumeApprovalDto, call);
        return this.consumptions.consume(call.agent, approvalIdOf(call), digest);
      },
    },
  } satisfies InProcessOperations;
}
