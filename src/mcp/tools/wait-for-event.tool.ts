import type {
  CloudEventDto,
  EventDataDto,
  EventPageDto,
} from '../../events/dto/cloud-event.dto.js';
import type { EventsQuery } from '../../events/dto/events.query.js';
import { fitListToLimit } from './excerpt.js';
import { asQuery, type JsonOf, pick, pickGiven, recordOf, recordsOf } from './json-of.js';
import { inputSchema, list, object, outputSchema, TASK_ID, text, waitSeconds } from './schemas.js';
import { memberText, type Members, type Tool } from './tool.js';

/** Number of events in a result. With all members cut, they fit into it. */
const LIMIT = 25;
/** Shorter than the shortest response timeout of a known client, which is 5 seconds. */
const DEFAULT_WAIT_SECONDS = 3;

export const waitForEvent: Tool = {
  name: 'wait_for_event',
  title: 'Wait for events',
  description:
    'Returns the next events of tasks that you can read, such as task.claimed or approval.decided, and waits for one up to wait_seconds if there is none. Pass next of the result as after of the next call, so that no event is missed. To wait for the end of one task or approval, use fetch_status with wait_seconds instead.',
  kind: 'read',
  input: inputSchema({
    after: text(
      'The cursor next of the previous result. Default: the end of the event log, so only new events are returned. 0: all events.',
      { maxLength: 25 },
    ),
    types: {
      type: 'array',
      description: 'Only events of these types, such as approval.requested.',
      items: { type: 'string', pattern: '^[^,]{1,50}$' },
      minItems: 1,
      maxItems: 50,
    },
    task_id: TASK_ID,
    wait_seconds: waitSeconds(
      `Maximum time to wait, in seconds; default ${DEFAULT_WAIT_SECONDS}. Keep it below the response timeout of your client.`,
    ),
  }),
  output: outputSchema({
    events: list(
      'Events in their order, at most 25: id, source, type, subject (such as task-<uuid>), time, sequence, traceparent, role, data (actor, trace_id, task_id, session_id, approval_id, metadata). cut of data lists metadata if it is shortened: it is null, with the beginning of its JSON in previews.',
      object('A CloudEvents 1.0 event.'),
    ),
    next: text('The cursor after these events: after of the next call.'),
    head: text('The cursor of the end of the event log. If it differs from next, call again.'),
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('list_events', {
      query: asQuery<EventsQuery>({
        after: 'head',
        wait_seconds: DEFAULT_WAIT_SECONDS,
        limit: LIMIT,
        ...pickGiven<EventsQuery>(args, 'after', 'types', 'task_id', 'wait_seconds'),
      }),
    });
    return toResponse(body);
  },
};

function toResponse(page: JsonOf<EventPageDto>) {
  const events = recordsOf<CloudEventDto>(page.events);
  const data = fitListToLimit(
    events.map((event) => ({ ...recordOf<EventDataDto>(event.data) })),
    ['metadata'],
  );
  const shown = events.map((event, index) => ({ ...event, data: data[index] }));
  const isAtEnd = page.next === page.head;
  return {
    text: [
      `Events: ${shown.length}. ${isAtEnd ? 'No more events at present' : 'More events can follow at once'}: call again with after ${memberText(page.next)}.`,
      ...shown.map(line),
    ],
    content: { events: shown, ...pick(page, 'next', 'head') },
  };
}

function line({ type, subject, time, role }: Members): string {
  return `- ${memberText(time)} ${memberText(type)} ${memberText(subject)} by ${memberText(role)}`;
}
