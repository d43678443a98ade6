import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { abortOnClose } from '../http/abort-on-close.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { EventPageDto } from './dto/cloud-event.dto.js';
import { EventsQuery, EventStreamQuery } from './dto/events.query.js';
import { EventReaderService } from './event-reader.service.js';
import { EventStreamsService } from './event-streams.service.js';

@ApiTags('Events')
@ApiBearerAuth()
@Controller('events')
export class EventsController {
  constructor(
    private readonly reader: EventReaderService,
    private readonly streams: EventStreamsService,
  ) {}

  @Get()
  @Policy('events.list')
  @ApiOperation({
    operationId: 'listEvents',
    summary: 'List events, in the order of the event log',
    description:
      'Returns the events after a cursor that the caller can also see in `GET /audit/events`. Without `after`, starts with the first event that is not archived. Send `next` as `after` of the next request. With `wait_seconds`, a request at the end of the log waits for the next event. Use it to follow the mesh without a missed or repeated event.',
  })
  @ApiOkResponse({ type: EventPageDto, description: 'The events.' })
  @ApiProblems('events.cursor_invalid', 'events.cursor_gone', 'events.filter_forbidden')
  list(
    @Query() query: EventsQuery,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<EventPageDto> {
    return this.reader.list(agent, query, abortOnClose(response));
  }

  @Get('stream')
  @Policy('events.list')
  @ApiOperation({
    operationId: 'streamEvents',
    summary: 'Stream events',
    description:
      'Server-Sent Events: `id` is the cursor, `event` the type, and `data` a CloudEvents 1.0 event in JSON. Without `Last-Event-ID` and `after`, the stream starts with the next event. It ends with an event `end`, whose data contain the reason; connect again with the last id. Use it instead of polling.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    description:
      'The id of the last event that the client received. Takes precedence over `after`.',
    schema: { type: 'string' },
  })
  @ApiOkResponse({
    description: 'The stream.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  })
  @ApiProblems(
    'events.cursor_invalid',
    'events.cursor_gone',
    'events.filter_forbidden',
    'events.too_many_streams',
  )
  stream(
    @Query() query: EventStreamQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CurrentAgent() agent: Agent,
    @Res() response: Response,
  ): Promise<void> {
    return this.streams.stream(agent, query, lastEventId ?? query.after, response);
  }
}
