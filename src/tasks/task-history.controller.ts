import { Controller, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { TaskIdPipe } from '../http/ids.js';
import { ApiTaskId } from './api-task-id.decorator.js';
import { TaskNodeDto, TimelineDto } from './dto/task-history.dto.js';
import { TaskHistoryService } from './task-history.service.js';

/** Routes that read the subtasks and the timeline of a task. */
@ApiTags('Tasks')
@ApiBearerAuth()
@Controller('tasks')
export class TaskHistoryController {
  constructor(private readonly history: TaskHistoryService) {}

  @Get(':id/tree')
  @Policy('tasks.read')
  @ApiOperation({
    operationId: 'Tasks_tree',
    summary: 'Get a task with its subtasks',
    description:
      'Returns the tree below a task, at most 1,000 tasks. Tasks that you cannot read have only id, status and subtasks.',
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
    operationId: 'Tasks_timeline',
    summary: 'Get the timeline of a task',
    description:
      'Returns the audit events of the task, its attempts and its approvals, and the roles and subjects for which it waits.',
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
