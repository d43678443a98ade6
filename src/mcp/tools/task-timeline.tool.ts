import type { TimelineEntryDto, WaitsForDto } from '../../tasks/dto/task-history.dto.js';
import { outputSchema, inputSchema, integer, boolean, list, TASK_ID } from './schemas.js';
import { type Tool, memberText } from './tool.js';
import { recordOf, recordsOf, pick } from './json-of.js';
import { truncate } from './excerpt.js';
import { EVENT, WAITS_FOR, withPrefixedIds } from './timeline-result.js';

/** Events of a timeline in one result. */
const EVENTS = 100;

export const taskTimeline: Tool = {
  name: 'task_timeline',
  title: 'Get the timeline of a task',
  description:
    'Returns the events of a task, its attempts and its approvals, oldest first, and what the task waits for. Use it to explain a delay or a failure. For the current status use fetch_status.',
  kind: 'read',
  input: inputSchema(
    {
      task_id: TASK_ID,
      offset: integer('The next_offset of the previous page. Default: 0.', 0, 1_000),
    },
    ['task_id'],
  ),
  output: outputSchema({
    events: list('The events, oldest first.', EVENT),
    complete: boolean(
      'Whether the timeline is complete. If false, only the oldest 1,000 events are returned.',
    ),
    next_offset: {
      type: ['integer', 'null'],
      description: 'Pass it as offset to read the next page; null on the last page.',
    },
    waits_for: WAITS_FOR,
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('read_timeline', { id: memberText(args.task_id) });
    const all = recordsOf<TimelineEntryDto>(body.events);
    const start = typeof args.offset === 'number' ? args.offset : 0;
    const end = start + EVENTS;
    const events = all.slice(start, end).map((event) => ({
      ...withPrefixedIds(event),
      ...(typeof event.told === 'string' && { told: truncate(event.told, 100) }),
    }));
    const lines = events
      .map((event) => recordOf<TimelineEntryDto>(event))
      .map(
        ({ at, event, role, from, to }) =>
          `${memberText(at)} ${memberText(event)} by ${memberText(role)}${change(from, to)}`,
      );
    return {
      text: lines,
      content: {
        events,
        next_offset: end < all.length ? end : null,
        ...pick(body, 'complete'),
        waits_for: recordsOf<WaitsForDto>(body.waits_for).map(withPrefixedIds),
      },
    };
  },
};

function change(from: unknown, to: unknown): string {
  const steps = [memberText(from), memberText(to)].filter((step) => step !== '');
  return steps.length > 0 ? `: ${steps.join(' -> ')}` : '';
}
