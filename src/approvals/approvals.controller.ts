import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { ApprovalIdPipe, idPattern } from '../http/ids.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import { ApprovalsService } from './approvals.service.js';
import { DecisionsService } from './decisions.service.js';
import { ApprovalAckDto, ApprovalDto, ApprovalPageDto } from './dto/approval.dto.js';
import { CreateApprovalDto } from './dto/create-approval.dto.js';
import { ListApprovalsQuery } from './dto/list-approvals.query.js';

const ID = {
  name: 'id',
  schema: {
    type: 'string' as const,
    pattern: idPattern('approval'),
    example: 'approval-019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c',
  },
};
const TASK_ID = 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';

@ApiTags('Approvals')
@ApiBearerAuth()
@Controller('approvals')
export class ApprovalsController {
  constructor(
    private readonly approvals: ApprovalsService,
    private readonly decisions: DecisionsService,
    private readonly reader: ApprovalsReaderService,
  ) {}

  @Post()
  @HttpCode(202)
  @Policy('approvals.create')
  @ApiOperation({ summary: 'Ask for an approval, or decide about a task' })
  @ApiIdempotencyKey(ApprovalAckDto)
  @ApiBody({
    type: CreateApprovalDto,
    examples: {
      ask: {
        summary: 'Ask a role',
        value: { task_id: TASK_ID, approver_role: 'manager', reason: 'Over the limit of 10,000' },
      },
      stages: {
        summary: 'Ask two roles, one after the other, two subjects of each',
        value: {
          task_id: TASK_ID,
          stages: ['manager', 'legal'],
          quorum: 2,
          payload: { amount: 50_000, supplier: 'ACME' },
        },
      },
      decide: {
        summary: 'Decide for the role asked',
        value: { task_id: TASK_ID, decision: 'approved', comments: 'Within this quarter’s budget' },
      },
    },
  })
  @ApiAcceptedResponse({ type: ApprovalAckDto, description: 'Asked, or decided.' })
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
  @ApiOperation({ summary: 'List the approvals that you may see, the newest first' })
  @ApiOkResponse({ type: ApprovalPageDto, description: 'A page of approvals.' })
  @ApiProblems()
  list(@Query() query: ListApprovalsQuery, @CurrentAgent() agent: Agent): Promise<ApprovalPageDto> {
    return this.reader.list(agent, query);
  }

  @Get(':id')
  @Policy('approvals.read')
  @ApiOperation({ summary: 'See one approval' })
  @ApiParam(ID)
  @ApiOkResponse({ type: ApprovalDto, description: 'The approval.' })
  @ApiProblems('approval.not_found')
  get(@Param('id', ApprovalIdPipe) id: string, @CurrentAgent() agent: Agent): Promise<ApprovalDto> {
    return this.reader.get(agent, id);
  }
}
