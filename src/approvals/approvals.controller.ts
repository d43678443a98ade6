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
import { LOCATION, withLocation } from '../http/location.js';
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
    operationId: 'requestApproval',
    summary: 'Request an approval',
    description:
      'Requests a decision about a task from another role. Requires a role that is a participant in the task. The approval is `pending` until its approver role decides it with `POST /approvals/{id}/decision`. Wait for the decision with `GET /approvals/{id}?wait_seconds=25`, then consume the approval with `POST /approvals/{id}/consume` before the action that it permits.\n\nThe v0.4 form, which decides with `decision` `approved` or `rejected`, is deprecated: it decides the pending approval of the task for one of your roles. If no approval was requested from the assignee role, that role can decide in this form without a request, once.',
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
    },
  })
  @ApiAcceptedResponse({
    type: ApprovalAckDto,
    headers: LOCATION,
    description: 'The approval was requested. For the deprecated form: it was decided.',
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
  async create(
    @Body() dto: CreateApprovalDto,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ApprovalAckDto> {
    if (dto.decision !== 'pending') return this.decisions.decideAbout(agent, dto, dto.decision);
    const requested = await this.approvals.create(agent, dto);
    return withLocation(response, `/approvals/${requested.approval_id}`, requested);
  }

  @Get()
  @Policy('approvals.list')
  @ApiOperation({
    operationId: 'listApprovals',
    summary: 'List approvals that you may see, newest first',
    description:
      'Returns the approvals of tasks of which the caller’s roles are participants, newest first. The roles `admin` and `auditor` see all. With `waiting_for=me` it contains the approvals that you can decide now: decide each with `POST /approvals/{id}/decision`. Follow `next_cursor` until it is null.',
  })
  @ApiOkResponse({ type: ApprovalPageDto, description: 'A page of approvals.' })
  @ApiProblems()
  list(@Query() query: ListApprovalsQuery, @CurrentAgent() agent: Agent): Promise<ApprovalPageDto> {
    return this.reader.list(agent, query);
  }

  @Get(':id')
  @Policy('approvals.read')
  @ApiOperation({
    operationId: 'getApproval',
    summary: 'Get an approval, or wait until it changes',
    description:
      'Returns an approval. Use it to wait for a decision that you requested. With `wait_seconds` the response is sent when the approval changes, for example because it was decided or has expired, or when the time has passed. Send the request again with `If-None-Match` to wait for the next change.',
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
