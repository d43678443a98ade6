import type { EntityManager } from 'typeorm';
import type { EntryRange } from '../../../packages/verify/src/bundle-log.js';
import type { Report } from '../../../packages/verify/src/findings.js';
import { HASH_BYTES } from '../../../packages/verify/src/tree.js';
import { UsageError } from '../../common/usage-error.js';
import type { AuditLogRepository, SealedLog } from '../audit-log.repository.js';
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
  constructor(private readonly logs: AuditLogRepository) {}

  /** @throws UsageError if the log does not have the entries of the range */
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
      ...alignment.lines(),
      ...(await this.silentErasures(manager, erased)),
      ...(range || compared.next ? [] : await this.unplaced(manager)),
    ];
    return {
      findings: messages.map((message) => ({ kind: 'INVALID', message })),
      notes: [
        range
          ? `entries ${from} to ${to} were compared, ${erased.size} were erased`
          : `${pending} events are ${compared.next ? 'between this log and the next' : 'not sealed yet'}, ${erased.size} were erased`,
      ],
    };
  }

  private async lastPosition(manager: EntityManager, { next }: ComparedLog): Promise<number> {
    return next ? next.first_position - 1 : this.logs.getLastPosition(manager);
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

/** Undefined: the tile of the hash is missing. */
function hashAt(leaves: Buffer, index: number): string | undefined {
  const hash = leaves.toString('hex', index * HASH_BYTES, (index + 1) * HASH_BYTES);
  return hash === MISSING ? undefined : hash;
}

const MISSING = '0'.repeat(2 * HASH_BYTES);

function rangeOf({ size, origin }: SealedLog, range: EntryRange | undefined): EntryRange {
  if (!range) return { from: 0, to: size - 1 };
  const to = Math.min(range.to, range.to === Infinity ? size - 1 : Infinity);
  if (range.from < size && to < size) return { from: range.from, to };
  throw new UsageError(`the log ${origin} has ${size} entries: --from and --to must be below`);
}
