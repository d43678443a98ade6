import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { Me } from '../auth/me.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { idPattern, type Reference, SessionReferencePipe } from '../http/ids.js';
import { LIFECYCLE_EVENTS } from '../lifecycle/session-status.js';
import { CreateSessionDto } from './dto/create-session.dto.js';
import { HeartbeatDto, ReleaseDto } from './dto/lease.dto.js';
import { LifecycleEventDto } from './dto/lifecycle-event.dto.js';
import { ListSessionsQuery } from './dto/list-sessions.query.js';
import { SessionDto, SessionPageDto } from './dto/session.dto.js';
import { UpdateSessionDto } from './dto/update-session.dto.js';
import { tagged } from './etag.js';
import { Leases } from './leases.service.js';
import { SessionUpdates } from './session-updates.service.js';
import { SessionsReader } from './sessions-reader.service.js';
import { SessionsService } from './sessions.service.js';

const ID = {
  name: 'id',
  schema: {
    type: 'string' as const,
    pattern: idPattern('session', 'task'),
    example: 'session-019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  },
};
const TASK_ID = 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';
const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description: 'The `ETag` that the change is based on: 412 when the session has changed since.',
  schema: { type: 'string' as const },
};
/** Lets Nest send what a method gives back. */
const PASSTHROUGH = { passthrough: true };
const WITH_ETAG = {
  type: SessionDto,
  headers: {
    ETag: {
      description: 'The version, for `If-Match`.',
      schema: { type: 'string' as const },
    },
  },
};
const WRITE_PROBLEMS = [
  'auth.forbidden',
  'session.not_found',
  'session.claimed',
  'session.ended',
  'session.id_required',
  'session.task_set',
  'session.version_mismatch',
  'lifecycle.invalid_transition',
  'task.approval_required',
  'approval.pending',
  'task.not_due',
  'task.not_found',
  'task.finished',
] as const;

const LEASE_PROBLEMS = [
  'auth.forbidden',
  'session.not_found',
  'session.claimed',
  'session.ended',
  'session.id_required',
  'lifecycle.invalid_transition',
  'task.cancelled',
] as const;

@ApiTags('Sessions')
@ApiBearerAuth()
@Controller('sessions')
export class SessionsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly updates: SessionUpdates,
    private readonly reader: SessionsReader,
    private readonly leases: Leases,
  ) {}

  @Post()
  @Policy('sessions.create')
  @ApiOperation({ summary: 'Begin a session, or take up the pending attempt of a task' })
  @ApiIdempotencyKey(SessionDto)
  @ApiBody({
    type: CreateSessionDto,
    examples: {
      plain: {
        summary: 'Begin a session of your own',
        value: { role: 'manager', metadata: { step: 'reading the request' } },
      },
      task: { summary: 'Take up a task', value: { role: 'manager', task_id: TASK_ID } },
    },
  })
  @ApiCreatedResponse({ ...WITH_ETAG, description: 'The session, pending.' })
  @ApiWriteProblems('task.not_found', 'session.exists', 'session.claimed', 'task.finished')
  async create(
    @Body() dto: CreateSessionDto,
    @Me() agent: Agent,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    return tagged(response, await this.sessions.create(agent, dto));
  }

  @Get()
  @Policy('sessions.list')
  @ApiOperation({ summary: 'List the sessions that you may see, the newest first' })
  @ApiOkResponse({ type: SessionPageDto, description: 'A page of sessions.' })
  @ApiProblems()
  list(@Query() query: ListSessionsQuery, @Me() agent: Agent): Promise<SessionPageDto> {
    return this.reader.list(agent, query);
  }

  @Get(':id')
  @Policy('sessions.read')
  @ApiOperation({ summary: 'See where a session, or a task’s latest attempt, stands' })
  @ApiParam({ ...ID, description: 'A session’s id, or a task’s: then its highest attempt.' })
  @ApiOkResponse({ ...WITH_ETAG, description: 'The session.' })
  @ApiProblems('session.not_found')
  async get(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Me() agent: Agent,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    return tagged(response, await this.reader.get(agent, reference));
  }

  @Put(':id')
  @Policy('sessions.write')
  @ApiOperation({ summary: 'Change a session’s status, metadata or task' })
  @ApiIdempotencyKey()
  @ApiParam(ID)
  @ApiBody({
    type: UpdateSessionDto,
    examples: {
      activate: { summary: 'Start to work', value: { status: 'active' } },
      note: { summary: 'Note a step', value: { metadata: { step: 'asking the budget owner' } } },
      complete: {
        summary: 'Finish',
        value: { status: 'completed', result: { approved_amount: 50000 } },
      },
      fail: { summary: 'Give up', value: { status: 'failed', error: 'The ledger is closed' } },
    },
  })
  @ApiHeader(IF_MATCH)
  @ApiOkResponse({ ...WITH_ETAG, description: 'The session as it is now.' })
  @ApiWriteProblems(...WRITE_PROBLEMS)
  async update(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Body() dto: UpdateSessionDto,
    @Me() agent: Agent,
    @Headers('if-match') ifMatch: string | undefined,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    return tagged(response, await this.updates.update(agent, reference, dto, ifMatch));
  }

  @Put(':id/events')
  @Policy('sessions.write')
  @ApiOperation({ summary: 'Tell what happened to a session: activate, complete or fail' })
  @ApiIdempotencyKey()
  @ApiParam(ID)
  @ApiHeader(IF_MATCH)
  @ApiOkResponse({ ...WITH_ETAG, description: 'The session as it is now.' })
  @ApiWriteProblems(...WRITE_PROBLEMS)
  async event(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Body() { event, ...more }: LifecycleEventDto,
    @Me() agent: Agent,
    @Headers('if-match') ifMatch: string | undefined,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    const change = { status: LIFECYCLE_EVENTS[event], ...more };
    return tagged(response, await this.updates.update(agent, reference, change, ifMatch));
  }

  @Post(':id/heartbeat')
  @HttpCode(200)
  @Policy('sessions.write')
  @ApiOperation({ summary: 'Say that the work goes on: extends the lease' })
  @ApiIdempotencyKey()
  @ApiParam(ID)
  @ApiOkResponse({ type: SessionDto, description: 'The session with its lease.' })
  @ApiWriteProblems(...LEASE_PROBLEMS, 'session.run_limit')
  async heartbeat(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Body() { lease_seconds }: HeartbeatDto,
    @Me() agent: Agent,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    return tagged(response, await this.leases.heartbeat(agent, reference, lease_seconds));
  }

  @Post(':id/release')
  @HttpCode(200)
  @Policy('sessions.write')
  @ApiOperation({
    summary: 'Release a claimed task: due at once, later, or when an approval is settled',
  })
  @ApiIdempotencyKey()
  @ApiParam(ID)
  @ApiBody({
    type: ReleaseDto,
    examples: {
      free: { summary: 'For another agent', value: { reason: 'The tool that it needs is down' } },
      later: { summary: 'For later', value: { not_before: '2036-01-31T12:00:00Z' } },
      parked: {
        summary: 'Until a person has decided',
        value: { until_approval: 'approval-019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c' },
      },
    },
  })
  @ApiOkResponse({ type: SessionDto, description: 'The attempt that is over.' })
  @ApiWriteProblems(
    ...LEASE_PROBLEMS,
    'session.not_attempt',
    'task.finished',
    'task.release_limit',
    'approval.other_task',
  )
  async release(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Body() dto: ReleaseDto,
    @Me() agent: Agent,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    return tagged(response, await this.leases.release(agent, reference, dto));
  }
}
