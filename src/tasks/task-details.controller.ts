import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { abortOnClose } from '../http/abort-on-close.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { ApiRevalidation } from '../http/api-revalidation.decorator.js';
import { withRevalidation } from '../http/etag.js';
import { TaskIdPipe } from '../http/ids.js';
import { ApiTaskId } from './api-task-id.decorator.js';
import { TaskNodeDto, TimelineDto } from './dto/task-history.dto.js';
import { TaskWatchQuery } from './dto/task-watch.query.js';
import { TaskDetailDto } from './dto/task.dto.js';
import { TaskHistoryService } from './task-history.service.js';
import { TaskWatchesService } from './task-watches.service.js';

/** Routes that read one task. */
@ApiTags('Tasks')
@ApiBearerAuth()
@Controller('tasks')
export class TaskDetailsController {
  constructor(
    private readonly watches: TaskWatchesService,
    private readonly history: TaskHistoryService,
  ) {}

  @Get(':id')
  @Policy('tasks.read')
  @ApiOperation({
    operationId: 'getTask',
    summary: 'Get a task with its attempts and approvals, or wait until it changes',
    description:
      'Returns a task with its attempts and approvals. Use it to follow a task that you routed. With `wait_seconds` the response is sent when the task changes, for example because it was claimed, an approval was decided or it was completed, or when the time has passed. With `until=finished` it is sent when the task has ended. Send the request again with `If-None-Match` to wait for the next change.',
  })
  @ApiTaskId()
  @ApiRevalidation(TaskDetailDto, 'The task.')
  @ApiProblems('task.not_found')
  async get(
    @Param('id', TaskIdPipe) id: string,
    @Query() query: TaskWatchQuery,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TaskDetailDto | undefined> {
    const watch = { ...query, ifNoneMatch };
    const task = await this.watches.wait(agent, id, watch, abortOnClose(response));
    return withRevalidation(response, task);
  }

  @Get(':id/tree')
  @Policy('tasks.read')
  @ApiOperation({
    operationId: 'getTaskTree',
    summary: 'Get a task with its subtasks',
    description:
      'Returns the tree below a task, at most 1,000 tasks. Use it to see how far delegated work is. Tasks that you cannot read have only id, status and subtasks.',
  })
  @ApiTaskId()
  @ApiOkResponse({ type: TaskNodeDto, description: 'The tree.' })
  @ApiProblems('task.not_found')
  tree(@Param('id', TaskIdPipe) id: string, @CurrentAgent() agent: Agent): Promise<TaskNodeDto> {
    return this.history.tree(agent, id);
  }

  @Get(':id/timeline')
  @Policy('tasks.read')
  @ApiOperation({
    operationId: 'getTaskTimeline',
    summary: 'Get the timeline of a task',
    description:
      'Returns the audit events of the task, its attempts and its approvals, and the roles and subjects for which it waits. Use it to explain why a task does not proceed.',
  })
  @ApiTaskId()
  @ApiOkResponse({ type: TimelineDto, description: 'The timeline.' })
  @ApiProblems('task.not_found')
  timeline(
    @Param('id', TaskIdPipe) id: string,
    @CurrentAgent() agent: Agent,
  ): Promise<TimelineDto> {
    return this.history.timeline(agent, id);
  }
}
