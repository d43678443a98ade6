import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiWriteProblems } from '../http/api-problems.decorator.js';
import { TaskIdPipe } from '../http/ids.js';
import { ApiTaskId } from './api-task-id.decorator.js';
import { CancelDto, ReasonDto } from './dto/task-control.dto.js';
import { CancelledTaskDto, TaskDto } from './dto/task.dto.js';
import { TaskControlService } from './task-control.service.js';

/** Cancelling and retrying a task. */
@ApiTags('Tasks')
@ApiBearerAuth()
@Controller('tasks')
export class TaskControlController {
  constructor(private readonly taskControl: TaskControlService) {}

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
