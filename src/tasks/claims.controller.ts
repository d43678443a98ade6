import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { abortOnClose } from '../http/abort-on-close.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { TaskIdPipe } from '../http/ids.js';
import { PAUSE_HEADER, respondEmpty } from '../roles/pause-response.js';
import { LeaseDto } from '../sessions/dto/lease.dto.js';
import { ApiTaskId } from './api-task-id.decorator.js';
import { ClaimsService } from './claims.service.js';
import { ClaimDto, ClaimedTaskDto } from './dto/claim.dto.js';
import { DueTasksDto, WaitQuery } from './dto/wait.dto.js';
import { InboxWaitService } from './inbox-wait.service.js';

/** Waiting for tasks, and claiming them. */
@ApiTags('Tasks')
@ApiBearerAuth()
@Controller('tasks')
export class ClaimsController {
  constructor(
    private readonly claims: ClaimsService,
    private readonly inbox: InboxWaitService,
  ) {}

  @Get('wait')
  @Policy('tasks.wait')
  @ApiOperation({
    operationId: 'waitForTasks',
    summary: 'Wait for due tasks',
    description:
      'Responds as soon as a task is due for the role, otherwise after `wait_seconds`. It claims nothing: send `POST /tasks/claim` next. Use it instead of polling.',
  })
  @ApiOkResponse({ type: DueTasksDto, description: 'Tasks are due.' })
  @ApiNoContentResponse({
    description: 'No task became due, or the role is paused. Send the request again.',
    headers: PAUSE_HEADER,
  })
  @ApiProblems('auth.role_not_held', 'auth.role_ambiguous')
  async wait(
    @Query() query: WaitQuery,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DueTasksDto | undefined> {
    const { pending, pause } = await this.inbox.wait(agent, query, abortOnClose(response));
    if (pending > 0) return { pending };
    respondEmpty(response, pause);
    return undefined;
  }

  @Post('claim')
  @HttpCode(200)
  @Policy('tasks.claim_next')
  @ApiOperation({
    operationId: 'claimNextTask',
    summary: 'Claim the next due task',
    description:
      'Claims the first task of the inbox. Its attempt becomes active and a lease starts. Send heartbeats (`POST /sessions/{id}/heartbeat`) and the result (`PUT /sessions/{id}`) to the `session` of the response. A repeated request with the same `Idempotency-Key` returns the claimed task with its present state and `replayed: true`, also with another `lease_seconds`.',
  })
  @ApiBody({
    type: ClaimDto,
    examples: { next: { summary: 'Claim for the acting role', value: { lease_seconds: 300 } } },
  })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: ClaimedTaskDto, description: 'The claimed task.' })
  @ApiNoContentResponse({
    description: 'No task is due, or the role is paused.',
    headers: PAUSE_HEADER,
  })
  @ApiWriteProblems('auth.role_ambiguous')
  async claimNext(
    @Body() dto: ClaimDto,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ClaimedTaskDto | undefined> {
    const { claimed, pause } = await this.claims.claimNext(agent, dto);
    if (claimed) return claimed;
    respondEmpty(response, pause);
    return undefined;
  }

  @Post(':id/claim')
  @HttpCode(200)
  @Policy('tasks.claim')
  @ApiOperation({
    operationId: 'claimTask',
    summary: 'Claim a task',
    description:
      'Claims this task for the role to which it is assigned. Its attempt becomes active and a lease starts. Send heartbeats (`POST /sessions/{id}/heartbeat`) and the result (`PUT /sessions/{id}`) to the `session` of the response. A repeated request with the same `Idempotency-Key` returns the claimed task with its present state and `replayed: true`, also with another `lease_seconds`.',
  })
  @ApiBody({
    type: LeaseDto,
    examples: { claim: { summary: 'Claim for five minutes', value: { lease_seconds: 300 } } },
  })
  @ApiIdempotencyKey()
  @ApiTaskId()
  @ApiOkResponse({ type: ClaimedTaskDto, description: 'The claimed task.' })
  @ApiWriteProblems(
    'auth.forbidden',
    'task.not_found',
    'task.claimed',
    'task.not_due',
    'task.finished',
    'role.paused',
  )
  claim(
    @Param('id', TaskIdPipe) id: string,
    @Body() { lease_seconds }: LeaseDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ClaimedTaskDto> {
    return this.claims.claim(agent, id, lease_seconds);
  }
}
