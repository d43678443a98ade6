import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiWriteProblems } from '../http/api-problems.decorator.js';
import { ApprovalIdPipe } from '../http/ids.js';
import { ApiApprovalId } from './api-approval-id.decorator.js';
import { DelegationsService } from './delegations.service.js';
import { ApprovalDto } from './dto/approval.dto.js';
import { DelegateApprovalDto } from './dto/delegate-approval.dto.js';
import { ReassignApprovalDto } from './dto/reassign-approval.dto.js';
import { RecallApprovalDto } from './dto/recall-approval.dto.js';
import { ReassignmentsService } from './reassignments.service.js';
import { RecallsService } from './recalls.service.js';

/** Errors of all routes of this file. */
const MOVE_ERRORS = [
  'auth.forbidden',
  'approval.not_found',
  'approval.four_eyes',
  'approval.decided',
  'approval.expired',
  'approval.pending_exists',
  'task.finished',
] as const;

/** Routes that move a pending decision to another role. Generated clients depend on the operation ids. */
@ApiTags('Approvals')
@ApiBearerAuth()
@Controller('approvals/:id')
export class DecisionMovesController {
  constructor(
    private readonly delegations: DelegationsService,
    private readonly recalls: RecallsService,
    private readonly reassignments: ReassignmentsService,
  ) {}

  @Post('delegate')
  @HttpCode(200)
  @Policy('approvals.delegate')
  @ApiOperation({
    operationId: 'delegateApproval',
    summary: 'Delegate a pending decision to another role',
    description:
      'Gives the decision to another role, which decides from now on. Requires the approver role. Possible before the first vote, not for a decision that is delegated already, and not to a role that four eyes exclude. `POST /approvals/{id}/recall` reverses it.',
  })
  @ApiBody({
    type: DelegateApprovalDto,
    examples: {
      delegate: {
        summary: 'Delegate to another role',
        value: { role: 'legal', reason: 'It is a matter of contract' },
      },
    },
  })
  @ApiIdempotencyKey()
  @ApiApprovalId()
  @ApiOkResponse({ type: ApprovalDto, description: 'The approval, with its new approver role.' })
  @ApiWriteProblems(...MOVE_ERRORS, 'approval.delegation_refused', 'approval.limit_reached')
  delegate(
    @Param('id', ApprovalIdPipe) id: string,
    @Body() dto: DelegateApprovalDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ApprovalDto> {
    return this.delegations.delegate(agent, id, dto);
  }

  @Post('recall')
  @HttpCode(200)
  @Policy('approvals.recall')
  @ApiOperation({
    operationId: 'recallApproval',
    summary: 'Recall a delegated decision',
    description:
      'Returns a delegated decision to the role that delegated it. Requires that role. Possible until the first vote. Your role then decides with `POST /approvals/{id}/decision`.',
  })
  @ApiBody({
    type: RecallApprovalDto,
    examples: {
      recall: { summary: 'Recall the decision', value: { reason: 'We decide it after all' } },
    },
  })
  @ApiIdempotencyKey()
  @ApiApprovalId()
  @ApiOkResponse({
    type: ApprovalDto,
    description: 'The approval, with your role as its approver role.',
  })
  @ApiWriteProblems(...MOVE_ERRORS, 'approval.recall_refused')
  recall(
    @Param('id', ApprovalIdPipe) id: string,
    @Body() { reason }: RecallApprovalDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ApprovalDto> {
    return this.recalls.recall(agent, id, reason);
  }

  @Post('reassign')
  @HttpCode(200)
  @Policy('approvals.reassign')
  @ApiOperation({
    operationId: 'reassignApproval',
    summary: 'Reassign a pending decision to another role',
    description:
      'Requires `admin`. Use it if the approver role has no subject left that can decide. Votes of that role no longer count. Four eyes apply as for a delegation. The new role decides with `POST /approvals/{id}/decision`.',
  })
  @ApiBody({
    type: ReassignApprovalDto,
    examples: {
      reassign: {
        summary: 'Reassign to another role',
        value: { role: 'cfo', reason: 'The role has no holder any more' },
      },
    },
  })
  @ApiIdempotencyKey()
  @ApiApprovalId()
  @ApiOkResponse({ type: ApprovalDto, description: 'The approval, with its new approver role.' })
  @ApiWriteProblems(...MOVE_ERRORS, 'approval.delegation_refused', 'approval.limit_reached')
  reassign(
    @Param('id', ApprovalIdPipe) id: string,
    @Body() dto: ReassignApprovalDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ApprovalDto> {
    return this.reassignments.reassign(agent, id, dto);
  }
}
