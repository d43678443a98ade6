import type { Command } from 'commander';
import type { CloudEvent } from '@agent-mesh/client';
import { contextOf } from '../context.js';
import { list, wholeNumber } from '../input.js';
import { cellText, jsonText, timeText } from '../output.js';

interface WatchOptions {
  readonly types?: string[];
  readonly task?: string;
  readonly trace?: string;
  readonly after?: string;
  readonly count?: number;
}

export function addWatchCommand(program: Command): void {
  program
    .command('watch')
    .description(
      'Show events as they are committed, until Ctrl-C. It connects again by itself and misses none.',
    )
    .option('--types <types>', 'only these types, separated by commas, such as task.routed', list)
    .option('--task <task>', 'only events of this task')
    .option('--trace <id>', 'only events of this trace')
    .option('--after <cursor>', 'begin after this cursor; default: with the next event')
    .option('--count <n>', 'end after this number of events', wholeNumber)
    .action(async (options: WatchOptions, command: Command) => {
      const { mesh, out } = contextOf(command);
      const { types, task, trace, after, count = Infinity } = options;
      const ending = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const)
        process.once(signal, () => {
          ending.abort();
        });
      let shown = 0;
      const filter = { types, taskId: task, traceId: trace, after };
      if (count === 0) return;
      for await (const { cursor, event } of mesh.events(filter, { signal: ending.signal })) {
        out.item({ cursor, event }, () => eventText(event));
        shown += 1;
        if (shown >= count) break;
      }
    });
}

function eventText({ time, type, role, subject, data }: CloudEvent): string {
  const details = Object.keys(data.metadata).length > 0 ? `  ${jsonText(data.metadata)}` : '';
  return `${timeText(time)}  ${cellText(type)}  ${cellText(subject)}  by ${cellText(role)} (${cellText(data.actor)})${cellText(details).replace(/^-$/, '')}`;
}
