import type { EntityManager } from 'typeorm';
import { FormatError } from '../../../packages/verify/src/encoding.js';
import type { Finding, Report } from '../../../packages/verify/src/findings.js';
import { compareHeads } from '../../../packages/verify/src/known-heads.js';
import { leafText } from '../../../packages/verify/src/leaf.js';
import type { Checkpoint } from '../../../packages/verify/src/note.js';
import { EMPTY_ROOT, HASH_BYTES, leafHash } from '../../../packages/verify/src/tree.js';
import type { AuditHeadsRepository, StoredHead } from '../audit-heads.repository.js';
import type { AuditLogRepository, PositionedRow, SealedLog } from '../audit-log.repository.js';
import type { AuditTilesRepository } from '../audit-tiles.repository.js';
import { type AlignedRow, alignRows } from './align-rows.js';
import { verifyTree, type VerifiedTree } from './verified-tree.js';

/** What the events of a database are verified against. */
export interface LogExpectations {
  /** Heads of the log that were kept outside of the database. */
  readonly heads: readonly Checkpoint[];
  /** Number of entries that may follow the newest head. */
  readonly maxUnsigned: number;
  /** Reads a stored head. Undefined: no known key has signed it. Throws a FormatError if it is malformed. */
  open(note: string, origin: string): Checkpoint | undefined;
}

/** Number of positions that one query reads. */
const PAGE = 2_000;

/** Compares sealed logs with the events of their database, and with the heads that were kept outside. */
export class LogVerification {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly heads: AuditHeadsRepository,
    private readonly expectations: LogExpectations,
  ) {}

  /** Verifies the log that grows. */
  async run(manager: EntityManager): Promise<Report> {
    const log = await this.logs.find(manager);
    if (!log) return { findings: [{ kind: 'INCOMPLETE', message: 'no log is sealed' }], notes: [] };
    const stored = await this.heads.list(manager, log.log);
    const outside = this.expectations.heads.filter(({ origin }) => origin === log.origin);
    const sizes = new Set([log.size, ...[...stored, ...outside].map(({ size }) => size)]);
    const tree = await verifyTree(log.size, sizes, async (level, index) =>
      (await this.tiles.read(manager, log.log, [{ level, index }])).get({ level, index }),
    );
    const rows = await this.compareRows(manager, log, tree);
    return {
      findings: [
        ...rows.findings,
        ...tree.findings.map(invalid),
        ...this.compareStored(log, stored, tree),
        ...(tree.findings.length > 0
          ? []
          : compareHeads(outside, log.size, (size) => tree.roots.get(size))),
        ...this.unsigned(log, stored),
      ],
      notes: [
        `log ${log.origin}: ${log.size} entries, ${stored.length} heads, ${outside.length} heads from outside`,
        `${rows.pending} events are not sealed yet, ${rows.erased} were erased`,
      ],
    };
  }

  /** A wrong tile explains that no root above it adds up. */
  private compareStored(
    log: SealedLog,
    stored: readonly StoredHead[],
    tree: VerifiedTree,
  ): Finding[] {
    const newest = [...stored].reverse();
    const unknown = newest.find((head) => !this.isSigned(log, head));
    const findings = unknown
      ? [invalid(`no known key has signed the head of ${unknown.size}`)]
      : [];
    if (tree.findings.length > 0) return findings;
    const wrong = newest.find(({ size, root }) => tree.roots.get(size)?.equals(root) !== true);
    if (wrong) findings.push(invalid(`tiles do not add up to the head of ${wrong.size}`));
    else if (!log.root.equals(tree.roots.get(log.size) ?? EMPTY_ROOT)) {
      findings.push(invalid(`tiles do not add up to the log of ${log.size}`));
    }
    return findings;
  }

  private isSigned({ origin }: SealedLog, { size, root, checkpoint }: StoredHead): boolean {
    try {
      const head = this.expectations.open(checkpoint, origin);
      return head?.size === size && head.root.equals(root);
    } catch (error) {
      if (error instanceof FormatError) return false;
      throw error;
    }
  }

  private unsigned({ size }: SealedLog, stored: readonly StoredHead[]): Finding[] {
    const tail = size - (stored.at(-1)?.size ?? 0);
    if (tail <= this.expectations.maxUnsigned) return [];
    return [{ kind: 'INCOMPLETE', message: `${tail} entries follow the last head` }];
  }

  private async compareRows(
    manager: EntityManager,
    log: SealedLog,
    { leaves }: VerifiedTree,
  ): Promise<{ findings: Finding[]; pending: number; erased: number }> {
    const sealed = {
      size: leaves.length / HASH_BYTES,
      at: (index: number): string =>
        leaves.toString('hex', index * HASH_BYTES, (index + 1) * HASH_BYTES),
    };
    const rows: AlignedRow[] = [];
    const erased = new Map<string, number>();
    const explained = new Set<string>();
    for await (const row of this.readRows(manager, log.first_position)) {
      if (row.erased !== null) erased.set(row.id, row.position - log.first_position);
      for (const id of erasedIdsOf(row)) explained.add(id);
      rows.push({ id: row.id, position: row.position, hash: hashOf(row) });
    }
    const endPosition = log.first_position + log.size - 1;
    const silent = [...erased].filter(([id]) => !explained.has(id));
    const unplaced = await this.logs.listUnplaced(manager);
    return {
      findings: [
        ...alignRows(sealed, rows, endPosition).map(invalid),
        ...silent.map(([id, index]) =>
          invalid(`entry ${index} was erased without an event data_erased (event ${id})`),
        ),
        ...unplaced.map((id) => invalid(`event ${id} was inserted without a position`)),
      ],
      pending: rows.filter(({ position }) => position > endPosition).length,
      erased: erased.size,
    };
  }

  private async *readRows(manager: EntityManager, first: number): AsyncGenerator<PositionedRow> {
    const last = await this.logs.getLastPosition(manager);
    for (let next = first; next <= last;) {
      const to = next + PAGE - 1;
      const { rows, isTruncated } = await this.logs.listRows(manager, next, to);
      yield* rows;
      next = isTruncated ? (rows.at(-1)?.position ?? to) + 1 : to + 1;
    }
  }
}

function invalid(message: string): Finding {
  return { kind: 'INVALID', message };
}

/** Undefined for an event that has no leaf, such as one without a salt. */
function hashOf(row: PositionedRow): string | undefined {
  try {
    return leafHash(leafText(row)).toString('hex');
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** Returns the ids of the events that an event says to be erased. */
function erasedIdsOf({ event_type, metadata }: PositionedRow): string[] {
  if (event_type !== 'data_erased') return [];
  const { event_ids } = JSON.parse(metadata) as { event_ids?: unknown };
  return Array.isArray(event_ids) ? event_ids.map(String) : [];
}
