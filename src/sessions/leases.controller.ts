import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import type { Reference } from '../common/ids.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiWriteProblems } from '../http/api-problems.decorator.js';
import { SessionReferencePipe } from '../http/ids.js';
import { PASSTHROUGH, SESSION_ID, WITH_ETAG } from './api-session.js';
import { HeartbeatDto, ReleaseDto } from './dto/lease.dto.js';
import type { SessionDto } from './dto/session.dto.js';
import { withETag } from './etag.js';
import { LeasesService } from './leases.service.js';

const LEASE_PROBLEMS = [
  'auth.forbidden',
  'session.not_found',
  'session.claimed',
  'session.ended',
  'session.id_required',
  'lifecycle.invalid_transition',
  'task.cancelled',
] as const;

/** Routes that extend and release the lease of a session. */
@ApiTags('Sessions')
@ApiBearerAuth()
@Controller('sessions')
export class LeasesController {
  constructor(private readonly leases: LeasesService) {}

  @Post(':id/heartbeat')
  @HttpCode(200)
  @Policy('sessions.write')
  @ApiOperation({
    operationId: 'sendHeartbeat',
    summary: 'Send a heartbeat',
    description:
      'Restarts the lease from now. Send one after each third of the lease, otherwise another agent receives the task. A heartbeat changes neither the version of the session nor its ETag, and creates no audit event. 409 ends the work: the task was cancelled, the lease was lost, or the run limit has passed.',
  })
  @ApiBody({
    type: HeartbeatDto,
    examples: {
      extend: {
        summary: 'Extend the lease to five minutes from now',
        value: { lease_seconds: 300 },
      },
    },
  })
  @ApiIdempotencyKey()
  @ApiParam(SESSION_ID)
  @ApiOkResponse({ ...WITH_ETAG, description: 'The session with the new lease expiry.' })
  @ApiWriteProblems(...LEASE_PROBLEMS, 'session.run_limit')
  async heartbeat(
    @Param('id', SessionReferencePipe) reference: Reference,
    @Body() { lease_seconds }: HeartbeatDto,
    @CurrentAgent() agent: Agent,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    return withETag(response, await this.leases.heartbeat(agent, reference, lease_seconds));
  }

  @Post(':id/release')
  @HttpCode(200)
  @Policy('sessions.write')
  @ApiOperation({
    operationId: 'releaseSession',
    summary: 'Release a claimed task',
    description:
      'Ends the attempt with reason `released` and opens the next one, which uses up no attempt. The next attempt is due at once, at `not_before`, or when the approval `until_approval` ends. A task can be released 100 times. Other agents of the role can then claim it.',
  })
  @ApiIdempotencyKey()
  @ApiParam(SESSION_ID)
  @ApiBody({
    type: ReleaseDto,
    examples: {
      free: {
        summary: 'Due at once, for another agent',
        value: { reason: 'The tool that it needs is down' },
      },
      later: { summary: 'Due at a time', value: { not_before: '2036-01-31T12:00:00Z' } },
    },
  })
  @ApiOkResponse({ ...WITH_ETAG, description: 'The released attempt.' })
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
    @CurrentAgent() agent: Agent,
    @Res(PASSTHROUGH) response: Response,
  ): Promise<SessionDto> {
    return withETag(response, await this.leases.release(agent, reference, dto));
  }
}
