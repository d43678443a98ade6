import type { ErasureReport } from './erasure.js';

/** Returns the lines that the command prints. */
export function erasureLines(report: ErasureReport, isDryRun: boolean): string[] {
  const { events, emptied, aliases, replaced, digests } = report;
  const { tasks, sessions, approvals } = emptied;
  const done = isDryRun ? 'Would erase' : 'Erased';
  return [
    `${done} ${events} events.`,
    `${isDryRun ? 'Would empty' : 'Emptied'} ${tasks} tasks, ${sessions} sessions, ${approvals} approvals.`,
    ...(aliases.length > 0
      ? [
          `${isDryRun ? 'Would replace' : 'Replaced'} ${replaced} values of subjects by ${aliases.join(', ')}.`,
        ]
      : []),
    ...(digests > 0
      ? [
          `${digests} events of other subjects still have the digest of an erased payload. Erase their tasks with --task.`,
        ]
      : []),
    ...(isDryRun ? ['Dry run: nothing was changed.'] : []),
  ];
}
