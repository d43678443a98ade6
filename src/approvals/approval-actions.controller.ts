import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiWriteProblems } from '../http/api-problems.decorator.js';
import { ApprovalIdPipe } from '../http/ids.js';
import { ApiApprovalId } from './api-approval-id.decorator.js';
import { ApprovalsService } from './approvals.service.js';
import { ConsumptionsService } from './consumptions.service.js';
import { DecisionsService } from './decisions.service.js';
import { ApprovalDto } from './dto/approval.dto.js';
import { ConsumeApprovalDto } from './dto/consume-approval.dto.js';
import { DecideApprovalDto } from './dto/decide-approval.dto.js';
import { ResubmitApprovalDto } from './dto/resubmit-approval.dto.js';
import { WithdrawApprovalDto } from './dto/withdraw-approval.dto.js';
import { WithdrawalsService } from './withdrawals.service.js';

/** Routes that decide, withdraw, resubmit and consume an approval. */
@ApiTags('Approvals')
@ApiBearerAuth()
@Controller('approvals/:id')
export class ApprovalActionsController {
  constructor(
    private readonly approvals: ApprovalsService,
    private readonly decisions: DecisionsService,
    private readonly withdrawals: WithdrawalsService,
    private readonly consumptions: ConsumptionsService,
  ) {}

  @Post('decision')
  @HttpCode(200)
  @Policy('approvals.decide')
  @ApiOperation({
    operationId: 'decideApproval',
    summary: 'Approve or reject an approval',
    description:
      'Adds the vote of the caller. Requires the approver role; the four-eyes principle excludes the requester. The approval is decided when its quorum has approved, or at the first rejection. An approved stage opens the next one; after the last, the requester can consume the approval. With `digest`, the decision holds for that payload only.',
  })
  @ApiBody({
    type: DecideApprovalDto,
    examples: {
      reject: {
        summary: 'Reject',
        value: { decision: 'rejected', comments: 'The amount is not explained' },
      },
      approve: {
        summary: 'Approve',
        value: { decision: 'approved', comments: 'Within this quarter’s budget' },
      },
    },
  })
  @ApiIdempotencyKey()
  @ApiApprovalId()
  @ApiOkResponse({
    type: ApprovalDto,
    description: 'The approval. It stays `pending` until its quorum is reached.',
  })
  @ApiWriteProblems(
    'auth.forbidden',
    'approval.not_found',
    'approval.decided',
    'approval.expired',
    'approval.voted',
    'approval.payload_changed',
    'approval.four_eyes',
    'approval.human_required',
    'task.finished',
    'approval.pending_exists',
  )
  decide(
    @Param('id', ApprovalIdPipe) id: string,
    @Body() dto: DecideApprovalDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ApprovalDto> {
    return this.decisions.decide(agent, id, dto);
  }

  @Post('withdraw')
  @HttpCode(200)
  @Policy('approvals.withdraw')
  @ApiOperation({
    operationId: 'withdrawApproval',
    summary: 'Withdraw a pending approval',
    description:
      'Ends a pending approval without a decision. Requires the role that requested the approval. Its approvers can no longer decide it; `POST /approvals/{id}/resubmit` replaces it.',
  })
  @ApiBody({
    type: WithdrawApprovalDto,
    examples: {
      withdraw: { summary: 'Withdraw the approval', value: { reason: 'The request was changed' } },
    },
  })
  @ApiIdempotencyKey()
  @ApiApprovalId()
  @ApiOkResponse({ type: ApprovalDto, description: 'The withdrawn approval.' })
  @ApiWriteProblems(
    'auth.forbidden',
    'approval.not_found',
    'approval.four_eyes',
    'approval.decided',
    'approval.expired',
    'task.finished',
  )
  withdraw(
    @Param('id', ApprovalIdPipe) id: string,
    @Body() { reason }: WithdrawApprovalDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ApprovalDto> {
    return this.withdrawals.withdraw(agent, id, reason);
  }

  @Post('resubmit')
  @HttpCode(200)
  @Policy('approvals.resubmit')
  @ApiOperation({
    operationId: 'resubmitApproval',
    summary: 'Resubmit a rejected, withdrawn or expired approval',
    description:
      'Requires the role that requested the approval. Creates a new approval, which starts at the first stage. Members that the request does not set keep their values. Its approvers decide it as any other.',
  })
  @ApiBody({
    type: ResubmitApprovalDto,
    examples: {
      resubmit: {
        summary: 'Resubmit with another reason',
        value: { reason: 'The amount is explained now' },
      },
    },
  })
  @ApiIdempotencyKey()
  @ApiApprovalId()
  @ApiOkResponse({ type: ApprovalDto, description: 'The new approval.' })
  @ApiWriteProblems(
    'auth.forbidden',
    'approval.not_found',
    'approval.open',
    'approval.superseded',
    'approval.four_eyes',
    'approval.already_consumed',
    'approval.limit_reached',
    'approval.pending_exists',
    'task.finished',
  )
  resubmit(
    @Param('id', ApprovalIdPipe) id: string,
    @Body() dto: ResubmitApprovalDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ApprovalDto> {
    return this.approvals.resubmit(agent, id, dto);
  }

  @Post('consume')
  @HttpCode(200)
  @Policy('approvals.consume')
  @ApiOperation({
    operationId: 'consumeApproval',
    summary: 'Consume an approved approval, once',
    description:
      'Marks an approved approval as used, immediately before the action that it permits. Requires the agent that holds the task. While no agent holds it, requires the requester role. The digest is that of the action that follows, and must match the approved payload. Take the action only after a response with status 200, once: a second request is 409 `approval.consumed`.',
  })
  @ApiBody({
    type: ConsumeApprovalDto,
    examples: {
      consume: {
        summary: 'Consume with the digest of the payload {}',
        value: { digest: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' },
      },
    },
  })
  @ApiIdempotencyKey()
  @ApiApprovalId()
  @ApiOkResponse({ type: ApprovalDto, description: 'The consumed approval.' })
  @ApiWriteProblems(
    'auth.forbidden',
    'approval.not_found',
    'approval.digest_mismatch',
    'approval.four_eyes',
    'approval.not_approved',
    'approval.consumed',
    'approval.already_consumed',
    'approval.not_held',
    'approval.lapsed',
    'approval.erased',
    'task.finished',
  )
  consume(
    @Param('id', ApprovalIdPipe) id: string,
    @Body() { digest }: ConsumeApprovalDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ApprovalDto> {
    return this.consumptions.consume(agent, id, digest);
  }
}
