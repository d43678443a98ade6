import type { EntityManager } from 'typeorm';
import type { Finding, Report } from '../../../packages/verify/src/findings.js';
import { CompactTree } from '../../../packages/verify/src/tree.js';
import type { AuditLogRepository, PositionedRow, SealedLog } from '../audit-log.repository.js';
import { readRows, rowHash } from '../event-rows.js';

/** Facts of an event `log_continued`, as far as a row has them. */
interface Continuation {
  readonly origin?: unknown;
  readonly size?: unknown;
  readonly root?: unknown;
  readonly head?: { readonly size?: unknown } | null;
  readonly gap?: { readonly size?: unknown; readonly root?: unknown };
  readonly reason?: unknown;
}

/** Compares entry 0 of a log with the end of the log that it continues, and with the events between both. */
export async function verifyContinuation(
  logs: AuditLogRepository,
  manager: EntityManager,
  ended: SealedLog,
  log: SealedLog,
): Promise<Report> {
  const gap = CompactTree.empty();
  let entry: PositionedRow | undefined;
  const first = ended.first_position + ended.size;
  for await (const row of readRows(logs, manager, first, log.first_position)) {
    const hash = rowHash(row);
    if (row.position === log.first_position) entry = row;
    else if (hash) gap.append(hash);
  }
  const { origin, size, root, head, reason, ...facts } = factsOf(entry);
  const notes = [
    `log ${log.origin} continues ${ended.origin} after ${ended.size} entries: ${String(reason)}`,
    ...(head ? [`a head of ${String(head.size)} entries of ${ended.origin} was published`] : []),
  ];
  if (origin !== ended.origin || size !== ended.size || root !== ended.root.toString('base64')) {
    return {
      findings: [invalid(`entry 0 does not name the end of the log ${ended.origin}`)],
      notes,
    };
  }
  const isNamed = facts.gap?.size === gap.size && facts.gap.root === gap.root().toString('base64');
  const between = `the events at positions ${first} to ${log.first_position - 1}`;
  return {
    findings: isNamed ? [] : [invalid(`${between} are not those that entry 0 names`)],
    notes,
  };
}

function invalid(message: string): Finding {
  return { kind: 'INVALID', message };
}

function factsOf(row: PositionedRow | undefined): Continuation {
  if (row?.event_type !== 'log_continued') return {};
  const facts: unknown = JSON.parse(row.metadata);
  return typeof facts === 'object' && facts !== null ? facts : {};
}
