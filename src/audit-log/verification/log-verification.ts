import type { EntityManager } from 'typeorm';
import type { EntryRange } from '../../../packages/verify/src/bundle-log.js';
import { FormatError } from '../../../packages/verify/src/encoding.js';
import type { Finding, Report } from '../../../packages/verify/src/findings.js';
import { compareHeads } from '../../../packages/verify/src/known-heads.js';
import type { Checkpoint } from '../../../packages/verify/src/note.js';
import { EMPTY_ROOT } from '../../../packages/verify/src/tree.js';
import { UsageError } from '../../common/usage-error.js';
import type { AuditHeadsRepository, StoredHead } from '../audit-heads.repository.js';
import type { AuditLogRepository, SealedLog } from '../audit-log.repository.js';
import type { AuditTilesRepository } from '../audit-tiles.repository.js';
import { verifyContinuation } from './continuation.js';
import { RowComparison } from './row-comparison.js';
import { TileReader } from './tile-reader.js';
import { verifyTree, type VerifiedTree } from './verified-tree.js';

/** What the events of a database are verified against. */
export interface LogExpectations {
  /** Heads that were kept outside of the database. */
  readonly heads: readonly Checkpoint[];
  /** Number of entries that may follow the newest head. */
  readonly maxUnsigned: number;
  /** The only log to verify. Undefined: all logs, or with a range the one that grows. */
  readonly origin?: string | undefined;
  /** Entries to compare with their events. Undefined: all. */
  readonly range?: EntryRange | undefined;
  /** Reads a stored head. Undefined: no known key has signed it. Throws a FormatError if it is malformed. */
  open(note: string, origin: string): Checkpoint | undefined;
  /** Whether a head counts for nothing, because a revoked key has signed it after its limit. */
  isRefused?(note: string, origin: string): boolean;
}

/** Compares sealed logs with the events of their database, and with the heads that were kept outside. */
export class LogVerification {
  private readonly rows: RowComparison;

  constructor(
    private readonly logs: AuditLogRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly heads: AuditHeadsRepository,
    private readonly expectations: LogExpectations,
  ) {
    this.rows = new RowComparison(logs);
  }

  /**
   * Verifies the logs.
   *
   * @param manager a transaction that reads one snapshot
   * @throws UsageError if there is no such log, or no such entry
   */
  async run(manager: EntityManager): Promise<Report> {
    const logs = await this.logs.list(manager);
    const newest = logs.at(-1);
    if (!newest) return { findings: [incomplete('no log is sealed')], notes: [] };
    const { origin, range } = this.expectations;
    const only = origin ?? (range ? newest.origin : undefined);
    const chosen = logs.filter((log) => only === undefined || log.origin === only);
    if (chosen.length === 0) {
      throw new UsageError(`--log must be one of ${logs.map((log) => log.origin).join(', ')}`);
    }
    const reports: Report[] = [];
    for (const log of chosen) {
      const report = await this.verify(manager, log, logs);
      reports.push(log === newest ? report : ofLog(log, report));
    }
    return {
      findings: [...reports.flatMap(({ findings }) => findings), ...this.strangers(logs)],
      notes: reports.flatMap(({ notes }) => notes),
    };
  }

  private async verify(
    manager: EntityManager,
    log: SealedLog,
    logs: readonly SealedLog[],
  ): Promise<Report> {
    const { heads, range } = this.expectations;
    const [previous, next] = [logs[logs.indexOf(log) - 1], logs[logs.indexOf(log) + 1]];
    const { stored, refused } = this.withoutRefused(log, await this.heads.list(manager, log.log));
    const outside = heads.filter(({ origin }) => origin === log.origin);
    const sizes = new Set([log.size, ...[...stored, ...outside].map(({ size }) => size)]);
    const reader = new TileReader(this.tiles, manager, log.log);
    const tree = await verifyTree(log.size, sizes, (level, index) => reader.read(level, index));
    const rows = await this.rows.run(manager, { log, next, leaves: tree.leaves, range });
    const continuation =
      previous && !range
        ? await verifyContinuation(this.logs, manager, previous, log)
        : { findings: [], notes: [] };
    return {
      findings: [
        ...rows.findings,
        ...tree.findings.map(invalid),
        ...this.compareStored(log, stored, tree),
        ...(tree.findings.length > 0
          ? []
          : compareHeads(outside, log.size, (size) => tree.roots.get(size))),
        ...(next ? [] : this.unsigned(log, stored)),
        ...continuation.findings,
      ],
      notes: [
        `log ${log.origin}: ${log.size} entries, ${stored.length} heads, ${outside.length} heads from outside`,
        ...rows.notes,
        ...(refused === 0 ? [] : [`${refused} heads of revoked keys do not count`]),
        ...continuation.notes,
      ],
    };
  }

  /** Leaves out heads of revoked keys. The newest head must have another key. */
  private withoutRefused(
    { origin }: SealedLog,
    heads: readonly StoredHead[],
  ): { stored: StoredHead[]; refused: number } {
    const newest = heads.at(-1);
    const stored = heads.filter(
      (head) => head === newest || !this.isRefused(head.checkpoint, origin),
    );
    return { stored, refused: heads.length - stored.length };
  }

  private isRefused(note: string, origin: string): boolean {
    try {
      return this.expectations.isRefused?.(note, origin) === true;
    } catch (error) {
      // A malformed head is a finding of its own.
      if (error instanceof FormatError) return false;
      throw error;
    }
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
    return [incomplete(`${tail} entries follow the last head`)];
  }

  /** Heads of logs that the database does not have: it was rebuilt under another name, or is another one. */
  private strangers(logs: readonly SealedLog[]): Finding[] {
    const unknown = new Map<string, number>();
    for (const { origin, size } of this.expectations.heads) {
      if (logs.some((log) => log.origin === origin)) continue;
      unknown.set(origin, Math.max(unknown.get(origin) ?? 0, size));
    }
    return [...unknown].map(([origin, size]) => ({
      kind: 'DIVERGED',
      message: `a head of ${size} of the log ${origin} was published, but the database has no such log`,
    }));
  }
}

/** Names the log in the findings of one that has ended. */
function ofLog({ origin }: SealedLog, { findings, notes }: Report): Report {
  return {
    findings: findings.map(({ kind, message }) => ({ kind, message: `log ${origin}: ${message}` })),
    notes,
  };
}

function invalid(message: string): Finding {
  return { kind: 'INVALID', message };
}

function incomplete(message: string): Finding {
  return { kind: 'INCOMPLETE', message };
}
