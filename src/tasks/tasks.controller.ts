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
import { Me } from '../auth/me.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { TaskIdPipe } from '../http/ids.js';
import { ListTasksQuery } from './dto/list-tasks.query.js';
import { RouteTaskDto } from './dto/route-task.dto.js';
import { RoutedTaskDto, TaskDetailDto, TaskPageDto } from './dto/task.dto.js';
import { TasksReader } from './tasks-reader.service.js';
import { TasksService } from './tasks.service.js';

@ApiTags('Tasks')
@ApiBearerAuth()
@Controller('tasks')
export class TasksController {
  constructor(
    private readonly tasks: TasksService,
    private readonly reader: TasksReader,
  ) {}

  @Post('route')
  @HttpCode(202)
  @Policy('tasks.route')
  @ApiOperation({ summary: 'Route a task to a role' })
  @ApiIdempotencyKey(RoutedTaskDto)
  @ApiBody({
    type: RouteTaskDto,
    examples: {
      budget: {
        summary: 'Ask for a budget',
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
        summary: 'Let a role know',
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
  @ApiAcceptedResponse({ type: RoutedTaskDto, description: 'Stored; its first attempt is open.' })
  @ApiWriteProblems('auth.role_ambiguous')
  route(@Body() dto: RouteTaskDto, @Me() agent: Agent): Promise<RoutedTaskDto> {
    return this.tasks.route(agent, dto);
  }

  @Get()
  @Policy('tasks.list')
  @ApiOperation({ summary: 'List the tasks that you take part in, the newest first' })
  @ApiOkResponse({ type: TaskPageDto, description: 'A page of tasks.' })
  @ApiProblems()
  list(@Query() query: ListTasksQuery, @Me() agent: Agent): Promise<TaskPageDto> {
    return this.reader.list(agent, query);
  }

  @Get(':id')
  @Policy('tasks.read')
  @ApiOperation({ summary: 'See one task with its attempts and approvals' })
  @ApiParam({ name: 'id', example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c' })
  @ApiOkResponse({ type: TaskDetailDto, description: 'The task.' })
  @ApiProblems('task.not_found')
  get(@Param('id', TaskIdPipe) id: string, @Me() agent: Agent): Promise<TaskDetailDto> {
    return this.reader.get(agent, id);
  }
}
