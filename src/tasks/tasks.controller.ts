import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
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
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { LOCATION, withLocation } from '../http/location.js';
import { ListTasksQuery } from './dto/list-tasks.query.js';
import { RouteTaskDto } from './dto/route-task.dto.js';
import { TaskPageDto } from './dto/task-page.dto.js';
import { RoutedTaskDto } from './dto/routed-task.dto.js';
import { TaskPagesService } from './task-pages.service.js';
import { TasksService } from './tasks.service.js';

/** Routing tasks, and the list of tasks. */
@ApiTags('Tasks')
@ApiBearerAuth()
@Controller('tasks')
export class TasksController {
  constructor(
    private readonly tasks: TasksService,
    private readonly pages: TaskPagesService,
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
    return this.pages.list(agent, query);
  }
}
