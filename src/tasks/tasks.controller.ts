import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
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
import { LOCATION, withLocation } from '../http/location.js';
import { ListTasksQuery } from './dto/list-tasks.query.js';
import { RouteTaskDto } from './dto/route-task.dto.js';
import { CancelledTaskDto, TaskDto, TaskPageDto } from './dto/task.dto.js';
import { RoutedTaskDto } from './dto/routed-task.dto.js';
import { CancelDto, ReasonDto } from './dto/task-control.dto.js';
import { ClaimDto, ClaimedTaskDto } from './dto/claim.dto.js';
import { DueTasksDto, WaitQuery } from './dto/wait.dto.js';
import { LeaseDto } from '../sessions/dto/lease.dto.js';
import { PAUSE_HEADER, respondEmpty } from '../roles/pause-response.js';
import { ApiTaskId } from './api-task-id.decorator.js';
import { ClaimsService } from './claims.service.js';
import { InboxWaitService } from './inbox-wait.service.js';
import { TaskControlService } from './task-control.service.js';
import { TasksReaderService } from './tasks-reader.service.js';
import { TasksService } from './tasks.service.js';

@ApiTags('Tasks')
@ApiBearerAuth()
@Controller('tasks')
export class TasksController {
  constructor(
    private readonly tasks: TasksService,
    private readonly reader: TasksReaderService,
    private readonly claims: ClaimsService,
    private readonly taskControl: TaskControlService,
    private readonly inbox: InboxWaitService,
  ) {}

  @Post('route')
  @HttpCode(202)
  @Policy('tasks.route')
  @ApiOperation({
    operationId: 'routeTask',
    summary: 'Route a task to a role',
    description:
      'Stores the task and opens its first attempt, which any agent of the role `target` can claim. Use it to give work to a role. Follow the task with `GET /tasks/{id}?wait_seconds=25`, which responds when it changes; its result is the `result` of the last attempt.',
  })
  @ApiIdempotencyKey(RoutedTaskDto)
  @ApiBody({
    type: RouteTaskDto,
    examples: {
      budget: {
        summary: 'Request a budget approval',
        value: {
          target: 'manager',
          task: {
            task_type: 'budget_approval',
            description: 'Approve the Q3 marketing budget',
            data: { amount: 50000 },
          },
          context: {},
        },
      },
      notification: {
        summary: 'Notify a role',
        value: {
          target: 'legal',
          task: {
            task_type: 'notification',
            description: 'The contract is signed',
            data: { priority: 'normal' },
          },
          context: {},
        },
      },
    },
  })
  @ApiAcceptedResponse({
    type: RoutedTaskDto,
    description: 'The stored task.',
    headers: LOCATION,
  })
  @ApiWriteProblems(
    'auth.role_ambiguous',
    'task.not_found',
    'task.cancelled',
    'task.delegation_loop',
    'approval.four_eyes',
  )
  async route(
    @Body() dto: RouteTaskDto,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RoutedTaskDto> {
    const routed = await this.tasks.route(agent, dto);
    return withLocation(response, `/tasks/${routed.task_id}`, routed);
  }

  @Get()
  @Policy('tasks.list')
  @ApiOperation({
    operationId: 'listTasks',
    summary: 'List tasks',
    description:
      'Returns the tasks of which the caller’s roles are participants, newest first. The roles `admin` and `auditor` see all tasks. With `to_role` and `status=pending` the response is the inbox of the role: its due tasks by priority, then age. With `claimed_by=me` and `status=active` it contains the tasks that you hold, for example after a restart. Follow `next_cursor` until it is null.',
  })
  @ApiOkResponse({ type: TaskPageDto, description: 'A page of tasks.' })
  @ApiProblems()
  list(@Query() query: ListTasksQuery, @CurrentAgent() agent: Agent): Promise<TaskPageDto> {
    return this.reader.list(agent, query);
  }

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

  @Post(':id/cancel')
  @HttpCode(200)
  @Policy('tasks.control')
  @ApiOperation({
    operationId: 'cancelTask',
    summary: 'Cancel a task',
    description:
      'Ends an open task. Requires the requester role or `admin`. With `cascade` the open subtasks are cancelled too. The worker receives 409 `task.cancelled` for its next heartbeat. Its approvals can no longer be decided; `POST /tasks/{id}/retry` opens a new attempt.',
  })
  @ApiBody({
    type: CancelDto,
    examples: { cancel: { summary: 'Cancel the task', value: { reason: 'The budget was cut' } } },
  })
  @ApiIdempotencyKey()
  @ApiTaskId()
  @ApiOkResponse({ type: CancelledTaskDto, description: 'The cancelled task.' })
  @ApiWriteProblems('auth.forbidden', 'task.not_found', 'task.finished', 'task.cascade_limit')
  cancel(
    @Param('id', TaskIdPipe) id: string,
    @Body() dto: CancelDto,
    @CurrentAgent() agent: Agent,
  ): Promise<CancelledTaskDto> {
    return this.taskControl.cancel(agent, id, dto);
  }

  @Post(':id/retry')
  @HttpCode(200)
  @Policy('tasks.control')
  @ApiOperation({
    operationId: 'retryTask',
    summary: 'Retry a task',
    description:
      'Opens a new attempt of a task that failed, expired, became dead or was cancelled. All attempts are granted again. Requires the requester role or `admin`. Agents of the assignee role can then claim the task.',
  })
  @ApiBody({
    type: ReasonDto,
    examples: {
      retry: { summary: 'Retry the task', value: { reason: 'The ledger is open again' } },
    },
  })
  @ApiIdempotencyKey()
  @ApiTaskId()
  @ApiOkResponse({ type: TaskDto, description: 'The pending task.' })
  @ApiWriteProblems(
    'auth.forbidden',
    'task.not_found',
    'task.open',
    'task.finished',
    'approval.pending_exists',
    'approval.limit_reached',
  )
  retry(
    @Param('id', TaskIdPipe) id: string,
    @Body() { reason }: ReasonDto,
    @CurrentAgent() agent: Agent,
  ): Promise<TaskDto> {
    return this.taskControl.retry(agent, id, reason);
  }
}
