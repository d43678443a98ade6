import { Body, Controller, Get, Headers, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { AuditReaderService } from './audit-reader.service.js';
import { AuditEventDto, AuditPageDto } from './dto/audit-event.dto.js';
import { ExportEndDto, toExportEnd } from './dto/export-end.dto.js';
import { IngestAckDto, IngestBatchAckDto, ReportedEventDto } from './dto/reported-event.dto.js';
import { IngestBodyPipe } from './ingest-body.pipe.js';
import { ListEventsQuery } from './dto/list-events.query.js';
import { IngestService } from './ingest.service.js';
import { NDJSON, writeNdjson } from './ndjson.js';

const REPORT = { source: 'invoice-agent', category: 'invoice', action: 'checked' };

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
    operationId: 'listAuditEvents',
    summary: 'List audit events, oldest first',
    description:
      'Admins and auditors see all events. Other callers see the events of tasks in which they are participants, and ' +
      `the events that they reported. With \`Accept: ${NDJSON}\`, the response streams all matching events, one per line. ` +
      'Its last line has the type `export_completed`, and the number and digest of the lines before it. Without that line, the export is incomplete. Follow `next_cursor` until it is null. To follow the log as it grows, use `GET /events`.',
  })
  @ApiExtraModels(AuditPageDto, AuditEventDto, ExportEndDto)
  @ApiOkResponse({
    description: 'A page of events, oldest first, or a stream of all matching events.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(AuditPageDto) } },
      [NDJSON]: {
        schema: {
          anyOf: [{ $ref: getSchemaPath(AuditEventDto) }, { $ref: getSchemaPath(ExportEndDto) }],
        },
      },
    },
  })
  @ApiProblems('audit.pruned')
  async events(
    @Query() query: ListEventsQuery,
    @CurrentAgent() agent: Agent,
    @Headers('accept') accept: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    if (accept?.includes(NDJSON) !== true) {
      response.json(await this.reader.list(agent, query));
      return;
    }
    const events = this.reader.export(agent, query);
    if (request.method === 'HEAD') response.setHeader('Content-Type', NDJSON).end();
    else await writeNdjson(response, events, toExportEnd);
  }

  @Post('ingest')
  @HttpCode(202)
  @Policy('audit.ingest')
  @ApiOperation({
    operationId: 'ingestAuditEvents',
    summary: 'Store events that an agent reports about itself',
    description:
      'The actor of the event is the caller. Its type is `agent.<category>.<action>`, so that it differs from all events of the controller. The body is one event, or an array of at most 1,000, of which all are stored or none. It can be compressed (`Content-Encoding: gzip`); decompressed it can have 1 MiB. Use it to record decisions and effects outside the controller. The events then appear in `GET /audit/events`.',
  })
  @ApiIdempotencyKey(IngestAckDto, IngestBatchAckDto)
  @ApiExtraModels(ReportedEventDto, IngestAckDto, IngestBatchAckDto)
  @ApiBody({
    schema: {
      oneOf: [
        { $ref: getSchemaPath(ReportedEventDto) },
        {
          type: 'array',
          items: { $ref: getSchemaPath(ReportedEventDto) },
          minItems: 1,
          maxItems: 1_000,
        },
      ],
    },
    examples: {
      one: { summary: 'Report one event', value: REPORT },
      several: { summary: 'Report several events, all or none', value: [REPORT, REPORT] },
    },
  })
  @ApiAcceptedResponse({
    description: 'The event was stored; for an array, all events.',
    schema: {
      oneOf: [{ $ref: getSchemaPath(IngestAckDto) }, { $ref: getSchemaPath(IngestBatchAckDto) }],
    },
  })
  @ApiWriteProblems('auth.role_ambiguous')
  ingest(
    @Body(IngestBodyPipe) body: ReportedEventDto | ReportedEventDto[],
    @CurrentAgent() agent: Agent,
  ): Promise<IngestAckDto | IngestBatchAckDto> {
    return Array.isArray(body)
      ? this.reports.ingestAll(agent, body)
      : this.reports.ingest(agent, body);
  }
}
