import { Injectable } from '@nestjs/common';
import { EventsQuery } from '../../events/dto/events.query.js';
import { EventReaderService } from '../../events/event-reader.service.js';
import { type InProcessOperations, queryAs } from './in-process-operation.js';

/** The operations of `EventsController`, without HTTP. */
@Injectable()
export class EventOperationsService {
  constructor(private readonly reader: EventReaderService) {}

  readonly all = {
    list_events: {
      status: 200,
      run: async (call) =>
        this.reader.list(call.agent, await queryAs(EventsQuery, call), call.gone),
    },
  } satisfies InProcessOperations;
}
