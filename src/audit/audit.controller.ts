import { Body, Controller, Get, Headers, HttpCode, Post, Query, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { AuditReaderService } from './audit-reader.service.js';
import { AuditEventDto, AuditPageDto } from './dto/audit-event.dto.js';
import { IngestAckDto, IngestEventDto } from './dto/ingest-event.dto.js';
import { ListEventsQuery } from './dto/list-events.query.js';
import { IngestService } from './ingest.service.js';
import { NDJSON, writeNdjson } from './ndjson.js';

@ApiTags('Audit')
@ApiBearerAuth()
@Controller('audit')
export class AuditController {
  constructor(
    private readonly reader: AuditReaderService,
    private readonly reports: IngestService,
  ) {}

  @Get('events')
  @Policy('audit.list')
  @ApiOperation({
    summary: 'Read the audit trail in order',
    description: `With \`Accept: ${NDJSON}\` everything that matches comes as a stream, one event a line.`,
  })
  @ApiExtraModels(AuditPageDto, AuditEventDto)
  @ApiOkResponse({
    description: 'A page of events, the oldest first; or all of them as a stream.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(AuditPageDto) } },
      [NDJSON]: { schema: { $ref: getSchemaPath(AuditEventDto) } },
    },
  })
  @ApiProblems()
  async events(
    @Query() query: ListEventsQuery,
    @CurrentAgent() agent: Agent,
    @Headers('accept') accept: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    if (accept?.includes(NDJSON)) await writeNdjson(response, this.reader.export(agent, query));
    else response.json(await this.reader.list(agent, query));
  }

  @Post('ingest')
  @HttpCode(202)
  @Policy('audit.ingest')
  @ApiOperation({ summary: 'Report what an agent did, under the caller’s own name' })
  @ApiIdempotencyKey(IngestAckDto)
  @ApiAcceptedResponse({ type: IngestAckDto, description: 'Recorded.' })
  @ApiWriteProblems('auth.role_ambiguous')
  ingest(@Body() dto: IngestEventDto, @CurrentAgent() agent: Agent): Promise<IngestAckDto> {
    return this.reports.ingest(agent, dto);
  }
}
