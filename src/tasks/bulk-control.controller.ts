import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiWriteProblems } from '../http/api-problems.decorator.js';
import { BulkControlService } from './bulk-control.service.js';
import { BulkResultDto, CancelTasksDto, RetryTasksDto } from './dto/bulk-control.dto.js';

/** Routes that change many tasks. */
@ApiTags('Tasks')
@ApiBearerAuth()
@Policy('tasks.control_many')
@Controller('tasks')
export class BulkControlController {
  constructor(private readonly bulk: BulkControlService) {}

  @Post('cancel')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'cancelTasks',
    summary: 'Cancel the tasks of a filter',
    description:
      'Cancels the open tasks that match all members of the filter and that the caller may control: those that its roles requested; for `admin`, all. At least one member is required. With `dry_run`, the default, nothing is changed: check `tasks`, then send the request again with `dry_run: false`. Each change is one audit event.',
  })
  @ApiBody({
    type: CancelTasksDto,
    examples: {
      preview: {
        summary: 'List the tasks that would be cancelled',
        value: { status: 'pending', dry_run: true },
      },
    },
  })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: BulkResultDto, description: 'The matching, changed and refused tasks.' })
  @ApiWriteProblems()
  cancel(@Body() dto: CancelTasksDto, @CurrentAgent() agent: Agent): Promise<BulkResultDto> {
    return this.bulk.cancel(agent, dto);
  }

  @Post('retry')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'retryTasks',
    summary: 'Retry the tasks of a filter',
    description:
      'Opens a new attempt of each task that failed, expired, became dead or was cancelled, matches all members of the filter, and may be controlled by the caller: those that its roles requested; for `admin`, all. At least one member is required. With `dry_run`, the default, nothing is changed: check `tasks`, then send the request again with `dry_run: false`. Each change is one audit event.',
  })
  @ApiBody({
    type: RetryTasksDto,
    examples: {
      preview: {
        summary: 'List the tasks that would be retried',
        value: { status: 'failed', dry_run: true },
      },
    },
  })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: BulkResultDto, description: 'The matching, changed and refused tasks.' })
  @ApiWriteProblems()
  retry(@Body() dto: RetryTasksDto, @CurrentAgent() agent: Agent): Promise<BulkResultDto> {
    return this.bulk.retry(agent, dto);
  }
}
