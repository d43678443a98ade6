import { Body, Controller, Get, Headers, Param, Post, Put, Query, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { abortOnClose } from '../http/abort-on-close.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import type { Reference } from '../common/ids.js';
import { SessionReferencePipe } from '../http/ids.js';
import { LIFECYCLE_EVENTS } from '../lifecycle/session-status.js';
import { LOCATION, withLocation } from '../http/location.js';
import { ETAG, PASSTHROUGH, SESSION_ID, WITH_ETAG } from './api-session.js';
import { CreateSessionDto } from './dto/create-session.dto.js';
import { LifecycleEventDto } from './dto/lifecycle-event.dto.js';
import { ListSessionsQuery } from './dto/list-sessions.query.js';
import { SessionPageDto } from './dto/session-page.dto.js';
import { SessionDto } from './dto/session.dto.js';
import { UpdateSessionDto } from './dto/update-session.dto.js';
import { WatchQuery } from './dto/watch.query.js';
import { withETag, withRevalidation } from './etag.js';
import { SessionWatchesService } from './session-watches.service.js';
import { SessionUpdatesService } from './session-updates.service.js';
import { SessionsReaderService } from './sessions-reader.service.js';
import { SessionsService } from './sessions.service.js';

const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description:
    '`ETag` of the version that you read. If the session has changed since, the response is 412 `session.version_mismatch` and nothing changes.',
  schema: { type: 'string' as const },
};
const IF_NONE_MATCH = {
  name: 'If-None-Match',
  required: false,
  description:
    '`ETag` of the version that you have. The response is 304 if the session is still at this version.',
  schema: { type: 'string' as const },
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
  'role.paused',
  'task.not_found',
  'task.finished',
] as const;

/** Routes that create, read and update sessions. */
@ApiTags('Sessions')
@ApiBearerAuth()
@Controller('sessions')
export class SessionsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly updates: SessionUpdatesService,
    private readonly reader: SessionsReaderService,
    private readonly watches: SessionWatchesService,
  ) {}

  @Post()
  @Policy('sessions.create')
  @ApiOperation({
    operationId: 'createSession',
    summary: 'Create a session',
    description:
      'Creates a pending session for a role that the caller holds. If `task_id` names a task that is assigned to this role, the request adopts the pending attempt of the task and creates no session. Use `POST /tasks/claim` to claim a task with a lease. Activate the session with `PUT /sessions/{id}` before you work.',
  })
  @ApiIdempotencyKey(SessionDto)
  @ApiBody({
    type: CreateSessionDto,
    examples: {
      plain: {
        summary: 'Create a plain session',
        value: { role: 'finance', metadata: { step: 'reading the request' } },
      },
    },
  })
  @ApiCreatedResponse({
    ...WITH_ETAG,
    headers: { ...ETAG, ...LOCATION },
    description: 'The pending session.',
  })
  @ApiWriteProblems('task.not_found', 'session.exists', 'session.claimed', 'task.finished')
  async create(
    @Body() dto: CreateSessionDto,
    @CurrentAgent() agent: Agent,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    const session = withETag(response, await this.sessions.create(agent, dto));
    return withLocation(response, `/sessions/${session.id}`, session);
  }

  @Get()
  @Policy('sessions.list')
  @ApiOperation({
    operationId: 'listSessions',
    summary: 'List sessions',
    description:
      'Returns the sessions of the caller’s roles, and the attempts of tasks of which these roles are participants, newest first. The roles `admin` and `auditor` see all sessions. With `claimed_by=me` and `status=active` it contains the sessions that you hold, for example after a restart. Follow `next_cursor` until it is null.',
  })
  @ApiOkResponse({ type: SessionPageDto, description: 'A page of sessions.' })
  @ApiProblems()
  list(@Query() query: ListSessionsQuery, @CurrentAgent() agent: Agent): Promise<SessionPageDto> {
    return this.reader.list(agent, query);
  }

  @Get(':id')
  @Policy('sessions.read')
  @ApiOperation({
    operationId: 'getSession',
    summary: 'Get a session, or wait until it changes',
    description:
      'Returns the session, or the latest attempt of a task if the id is that of a task. With `wait_seconds` the response is sent when the session changes, for example because its task was cancelled or its lease was lost, or when the time has passed. A worker learns so, during its work, that it has to stop.',
  })
  @ApiParam(SESSION_ID)
  @ApiHeader(IF_NONE_MATCH)
  @ApiOkResponse({ ...WITH_ETAG, description: 'The session.' })
  @ApiResponse({
    status: 304,
    description: 'The session is still at the version of `If-None-Match`.',
    headers: ETAG,
  })
  @ApiProblems('session.not_found')
  async get(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Query() query: WatchQuery,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @CurrentAgent() agent: Agent,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto | undefined> {
    if (query.wait_seconds === undefined) {
      return withETag(response, await this.reader.get(agent, reference));
    }
    const gone = abortOnClose(response);
    const known = { ...query, ifNoneMatch };
    return withRevalidation(response, await this.watches.wait(agent, reference, known, gone));
  }

  @Put(':id')
  @Policy('sessions.write')
  @ApiOperation({
    operationId: 'updateSession',
    summary: 'Update a session',
    description:
      'Changes status, metadata or task in one transaction. Use it to complete an attempt with its `result`, or to fail it with its `error`. Only the agent that claimed the session, or an admin, can change the status of an active session. A failed attempt is followed by the next one while attempts are left.',
  })
  @ApiIdempotencyKey()
  @ApiParam(SESSION_ID)
  @ApiBody({
    type: UpdateSessionDto,
    examples: {
      activate: { summary: 'Activate the session', value: { status: 'active' } },
      note: {
        summary: 'Store metadata',
        value: { metadata: { step: 'asking the budget owner' } },
      },
      complete: {
        summary: 'Complete the session',
        value: { status: 'completed', result: { approved_amount: 50000 } },
      },
      fail: {
        summary: 'Fail the session',
        value: { status: 'failed', error: 'The ledger is closed' },
      },
    },
  })
  @ApiHeader(IF_MATCH)
  @ApiOkResponse({ ...WITH_ETAG, description: 'The updated session.' })
  @ApiWriteProblems(...WRITE_PROBLEMS)
  async update(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Body() dto: UpdateSessionDto,
    @CurrentAgent() agent: Agent,
    @Headers('if-match') ifMatch: string | undefined,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    return withETag(response, await this.updates.update(agent, reference, dto, ifMatch));
  }

  @Put(':id/events')
  @Policy('sessions.write')
  @ApiOperation({
    operationId: 'applySessionEvent',
    summary: 'Apply an event to a session',
    description:
      'Changes the status with an event (`activate`, `complete` or `fail`), as v0.4 agents do. `PUT /sessions/{id}` does the same with a status, and can also set a result. A completed or failed session is final.',
  })
  @ApiIdempotencyKey()
  @ApiParam(SESSION_ID)
  @ApiBody({
    type: LifecycleEventDto,
    examples: {
      activate: { summary: 'Activate the session', value: { event: 'activate' } },
      complete: { summary: 'Complete the session', value: { event: 'complete' } },
      fail: {
        summary: 'Fail the session',
        value: { event: 'fail', error: 'The ledger is closed' },
      },
    },
  })
  @ApiHeader(IF_MATCH)
  @ApiOkResponse({ ...WITH_ETAG, description: 'The updated session.' })
  @ApiWriteProblems(...WRITE_PROBLEMS)
  async event(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Body() { event, ...more }: LifecycleEventDto,
    @CurrentAgent() agent: Agent,
    @Headers('if-match') ifMatch: string | undefined,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    const change = { status: LIFECYCLE_EVENTS[event], ...more };
    return withETag(response, await this.updates.update(agent, reference, change, ifMatch));
  }
}
