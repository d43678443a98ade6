import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { abortOnClose } from '../http/abort-on-close.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { ApiRevalidation } from '../http/api-revalidation.decorator.js';
import { withRevalidation } from '../http/etag.js';
import { ApprovalIdPipe } from '../http/ids.js';
import { ApiApprovalId } from './api-approval-id.decorator.js';
import { ApprovalWatchesService } from './approval-watches.service.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import { ApprovalsService } from './approvals.service.js';
import { DecisionsService } from './decisions.service.js';
import { ApprovalAckDto } from './dto/approval-ack.dto.js';
import { ApprovalWatchQuery } from './dto/approval-watch.query.js';
import { ApprovalDto, ApprovalPageDto } from './dto/approval.dto.js';
import { CreateApprovalDto } from './dto/create-approval.dto.js';
import { ListApprovalsQuery } from './dto/list-approvals.query.js';

const TASK_ID = 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';

@ApiTags('Approvals')
@ApiBearerAuth()
@Controller('approvals')
export class ApprovalsController {
  constructor(
    private readonly approvals: ApprovalsService,
    private readonly decisions: DecisionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly watches: ApprovalWatchesService,
  ) {}

  @Post()
  @HttpCode(202)
  @Policy('approvals.create', 'approvals.decide')
  @ApiOperation({
    summary: 'Request an approval, or decide about a task',
    description:
      'Without `decision`, requests an approval: requires a role that is a participant in the task. With `decision`, decides the pending ' +
      'approval of the task for one of your roles. If no approval was requested from the assignee role, that role can decide without a request, once.',
  })
  @ApiIdempotencyKey(ApprovalAckDto)
  @ApiBody({
    type: CreateApprovalDto,
    examples: {
      ask: {
        summary: 'Request an approval of one role',
        value: { task_id: TASK_ID, approver_role: 'manager', reason: 'Over the limit of 10,000' },
      },
      stages: {
        summary: 'Request an approval in two stages, with two votes in each',
        value: {
          task_id: TASK_ID,
          stages: ['manager', 'legal'],
          quorum: 2,
          payload: { amount: 50_000, supplier: 'ACME' },
        },
      },
      decide: {
        summary: 'Approve for your role',
        value: { task_id: TASK_ID, decision: 'approved', comments: 'Within this quarter’s budget' },
      },
    },
  })
  @ApiAcceptedResponse({
    type: ApprovalAckDto,
    description: 'The approval was requested or decided.',
  })
  @ApiWriteProblems(
    'auth.forbidden',
    'auth.role_ambiguous',
    'task.not_found',
    'task.finished',
    'approval.none_pending',
    'approval.pending_exists',
    'approval.decided',
    'approval.expired',
    'approval.voted',
    'approval.ambiguous',
    'approval.four_eyes',
    'approval.human_required',
    'approval.already_consumed',
    'approval.limit_reached',
  )
  create(@Body() dto: CreateApprovalDto, @CurrentAgent() agent: Agent): Promise<ApprovalAckDto> {
    return dto.decision === 'pending'
      ? this.approvals.create(agent, dto)
      : this.decisions.decideAbout(agent, dto, dto.decision);
  }

  @Get()
  @Policy('approvals.list')
  @ApiOperation({ summary: 'List approvals that you may see, newest first' })
  @ApiOkResponse({ type: ApprovalPageDto, description: 'A page of approvals.' })
  @ApiProblems()
  list(@Query() query: ListApprovalsQuery, @CurrentAgent() agent: Agent): Promise<ApprovalPageDto> {
    return this.reader.list(agent, query);
  }

  @Get(':id')
  @Policy('approvals.read')
  @ApiOperation({
    summary: 'Get an approval, or wait until it changes',
    description:
      'With `wait_seconds` the response is sent when the approval changes, for example because it was decided or has expired, or when the time has passed.',
  })
  @ApiApprovalId()
  @ApiRevalidation(ApprovalDto, 'The approval.')
  @ApiProblems('approval.not_found')
  async get(
    @Param('id', ApprovalIdPipe) id: string,
    @Query() query: ApprovalWatchQuery,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ApprovalDto | undefined> {
    const watch = { ...query, ifNoneMatch };
    const approval = await this.watches.wait(agent, id, watch, abortOnClose(response));
    return withRevalidation(response, approval);
  }
}
