import type { EntityManager } from 'typeorm';
import type { EntryRange } from '../../../packages/verify/src/bundle-log.js';
import type { Report } from '../../../packages/verify/src/findings.js';
import { HASH_BYTES } from '../../../packages/verify/src/tree.js';
import { UsageError } from '../../common/usage-error.js';
import { ArchivesRepository } from '../archives.repository.js';
import type { AuditLogRepository, PositionedRow, SealedLog } from '../audit-log.repository.js';
import { readRows, rowHash } from '../event-rows.js';
import { RowAlignment } from './row-alignment.js';

/** A log whose entries are compared with their events. */
export interface ComparedLog {
  readonly log: SealedLog;
  /** The log that continues it. */
  readonly next: SealedLog | undefined;
  /** The hashes of its entries, one after the other. */
  readonly leaves: Buffer;
  readonly range: EntryRange | undefined;
}

/** Compares the entries of a log with the events of the database. */
export class RowComparison {
  private readonly archives = new ArchivesRepository();

  constructor(private readonly logs: AuditLogRepository) {}

  /** @throws UsageError if the log does not have the entries of the range, or they are archived */
  async run(manager: EntityManager, compared: ComparedLog): Promise<Report> {
    const { log, leaves, range } = compared;
    const { from, to } = rangeOf(log, range);
    const first = log.first_position + from;
    const last = range ? log.first_position + to : await this.lastPosition(manager, compared);
    const alignment = new RowAlignment(
      {
        size: to + 1 - from,
        at: (n) => hashAt(leaves, from + n),
      },
      first,
      from,
    );
    const erased = new Map<string, number>();
    let pending = 0;
    for await (const row of readRows(this.logs, manager, first, last)) {
      if (row.erased !== null) erased.set(row.id, row.position - log.first_position);
      if (row.position >= log.first_position + log.size) pending += 1;
      alignment.add({
        id: row.id,
        position: row.position,
        hash: rowHash(row)?.toString('hex'),
      });
    }
    const messages = [
      ...(range ? [] : await this.archived(manager, compared)),
      ...alignment.lines(),
      ...(await this.silentErasures(manager, erased)),
      ...(range || compared.next ? [] : await this.unplaced(manager)),
    ];
    return {
      findings: messages.map((message) => ({ kind: 'INVALID', message })),
      notes: [
        ...(range || log.pruned === 0 ? [] : [`entries 0 to ${log.pruned - 1} are archived`]),
        range
          ? `entries ${from} to ${to} were compared, ${erased.size} were erased`
          : `${pending} events are ${compared.next ? 'between this log and the next' : 'not sealed yet'}, ${erased.size} were erased`,
      ],
    };
  }

  private async lastPosition(manager: EntityManager, { next }: ComparedLog): Promise<number> {
    return next ? next.first_position - 1 : this.logs.getLastPosition(manager);
  }

  /** Finds archived entries that no event names, and events that differ from their archived entries. */
  private async archived(manager: EntityManager, { log, leaves }: ComparedLog): Promise<string[]> {
    if (log.pruned === 0) return [];
    const ranges = await this.archives.listRanges(manager, log.origin);
    const messages = uncovered(ranges, log.pruned).map(
      ({ from, to }) => `entries ${from} to ${to} were removed without an event audit_archived`,
    );
    for await (const row of this.keptRows(manager, log)) {
      const index = row.position - log.first_position;
      const sealed = hashAt(leaves, index);
      if (sealed !== undefined && sealed !== rowHash(row)?.toString('hex')) {
        messages.push(`entry ${index} was changed (event ${row.id})`);
      }
    }
    return messages;
  }

  private async *keptRows(manager: EntityManager, log: SealedLog): AsyncGenerator<PositionedRow> {
    for (let after = 0; ;) {
      const { rows, isTruncated } = await this.archives.listKept(manager, log, after);
      yield* rows;
      if (!isTruncated) return;
      after = rows.at(-1)?.position ?? after;
    }
  }

  private async silentErasures(
    manager: EntityManager,
    erased: ReadonlyMap<string, number>,
  ): Promise<string[]> {
    if (erased.size === 0) return [];
    const explained = new Set(await this.logs.listExplained(manager));
    return [...erased]
      .filter(([id]) => !explained.has(id))
      .map(([id, index]) => `entry ${index} was erased without an event data_erased (event ${id})`);
  }

  private async unplaced(manager: EntityManager): Promise<string[]> {
    const ids = await this.logs.listUnplaced(manager);
    return ids.map((id) => `event ${id} was inserted without a position`);
  }
}

/** Returns the entries before `end` that no range contains. The ranges ascend. */
function uncovered(ranges: readonly EntryRange[], end: number): EntryRange[] {
  const gaps: EntryRange[] = [];
  let next = 0;
  for (const { from, to } of [...ranges, { from: end, to: end }]) {
    const first = Math.min(from, end);
    if (first > next) gaps.push({ from: next, to: first - 1 });
    next = Math.max(next, to + 1);
  }
  return gaps;
}

/** Undefined: the tile of the hash is missing. */
function hashAt(leaves: Buffer, index: number): string | undefined {
  const hash = leaves.toString('hex', index * HASH_BYTES, (index + 1) * HASH_BYTES);
  return hash === MISSING ? undefined : hash;
}

const MISSING = '0'.repeat(2 * HASH_BYTES);

function rangeOf({ size, origin, pruned }: SealedLog, range: EntryRange | undefined): EntryRange {
  if (!range) return { from: pruned, to: size - 1 };
  if (range.from < pruned) {
    throw new UsageError(
      `the entries of the log ${origin} before ${pruned} are archived: verify their archive with mesh-verify bundle`,
    );
  }
  const to = Math.min(range.to, range.to === Infinity ? size - 1 : Infinity);
  if (range.from < size && to < size) return { from: range.from, to };
  throw new UsageError(`the log ${origin} has ${size} entries: --from and --to must be below`);
}
