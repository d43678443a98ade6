import { join } from 'node:path';
import type { EntityManager } from 'typeorm';
import { verifyBundle } from '../../../packages/verify/src/bundle.js';
import { disclosuresPath, type EntryRange } from '../../../packages/verify/src/bundle-log.js';
import { FormatError } from '../../../packages/verify/src/encoding.js';
import type { Finding } from '../../../packages/verify/src/findings.js';
import { disclosuresOf, leafText } from '../../../packages/verify/src/leaf.js';
import type { Checkpoint, NoteVerifier } from '../../../packages/verify/src/note.js';
import { logsPolicy } from '../../../packages/verify/src/policy.js';
import { readIfExists } from '../../../packages/verify/src/read-if-exists.js';
import {
  bundlesOfSize,
  encodeEntries,
  type EntryBundle,
  entriesPath,
  TILE_WIDTH,
  tilePath,
  tilesOfSize,
} from '../../../packages/verify/src/tiles.js';
import { HASH_BYTES } from '../../../packages/verify/src/tree.js';
import { UsageError } from '../../common/usage-error.js';
import type { AuditHeadsRepository, StoredHead } from '../audit-heads.repository.js';
import type { AuditLogRepository, PositionedRow, SealedLog } from '../audit-log.repository.js';
import type { AuditTilesRepository } from '../audit-tiles.repository.js';
import { readRows } from '../event-rows.js';
import { TileReader } from '../verification/tile-reader.js';
import type { BundleFolder } from './bundle-folder.js';

/** A request for an export. */
export interface ExportRequest {
  /** Undefined: the log that grows. */
  readonly origin: string | undefined;
  /** Undefined: all entries that a signed head covers and that are not archived. */
  readonly range: EntryRange | undefined;
  /** Whether the bundle contains the actors, text and digests of the entries. */
  readonly isDisclosed: boolean;
}

/** The result of an export. */
export interface ExportReport {
  readonly origin: string;
  /** The size of the head of the bundle. */
  readonly size: number;
  /** The entries that the bundle was verified to contain. */
  readonly range: EntryRange;
  readonly isPart: boolean;
  readonly findings: readonly Finding[];
}

/**
 * Writes a log as a bundle of C2SP tlog-tiles: all tiles and heads, and the entries of a range, so that it verifies without
 * the database. Of a range, it contains all entries of each group of 256 that the range touches, and those about the keys
 * of the log.
 */
export class LogExport {
  /** @param verifiers returns the keys that a head of a log must be signed with */
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly heads: AuditHeadsRepository,
    private readonly verifiers: (origin: string) => NoteVerifier[],
  ) {}

  /**
   * Writes the bundle, and verifies the files.
   *
   * @param manager a transaction that reads one snapshot
   * @throws UsageError if there is no such log, no signed head, or no such entry in the database
   */
  async run(
    manager: EntityManager,
    folder: BundleFolder,
    { origin, range: requested, isDisclosed }: ExportRequest,
  ): Promise<ExportReport> {
    const log = await this.getLog(manager, origin);
    const heads = await this.heads.list(manager, log.log);
    const head = heads.at(-1);
    if (!head) throw new UsageError(`no head of the log ${log.origin} is signed`);
    const range = rangeOf(log, head, requested);
    const isPart = requested !== undefined || log.pruned > 0;
    const missing = await this.writeEntries(manager, folder, { log, head, range, isDisclosed });
    await this.writeTiles(manager, folder, log, head);
    const earlier = heads.slice(0, -1).map(({ checkpoint }) => checkpoint);
    if (earlier.length > 0) await folder.write('heads', earlier.join('\n'));
    // Last, so that a bundle that is not complete has no head.
    await folder.write('checkpoint', head.checkpoint);
    const written = await this.verify(folder.path, log.origin, isPart ? range : undefined);
    return {
      origin: log.origin,
      size: head.size,
      range,
      isPart,
      findings: [...missing, ...written],
    };
  }

  /** Verifies a bundle of a log in a folder. */
  async verify(
    folder: string,
    origin: string,
    range: EntryRange | undefined,
  ): Promise<readonly Finding[]> {
    const { findings } = await verifyBundle((path) => readIfExists(join(folder, path)), {
      policy: logsPolicy(this.verifiers(origin)),
      ...(range && { range }),
    });
    return findings;
  }

  private async getLog(manager: EntityManager, origin: string | undefined): Promise<SealedLog> {
    const logs = await this.logs.list(manager);
    const log = origin === undefined ? logs.at(-1) : logs.find((one) => one.origin === origin);
    if (log) return log;
    if (logs.length === 0) throw new UsageError('no log is sealed');
    throw new UsageError(`--log must be one of ${logs.map((one) => one.origin).join(', ')}`);
  }

  private async writeEntries(
    manager: EntityManager,
    folder: BundleFolder,
    { log, head, range, isDisclosed }: EntriesRequest,
  ): Promise<Finding[]> {
    const about = new Set(
      (await this.logs.listOwnPositions(manager))
        .map((position) => position - log.first_position)
        .filter((index) => index >= log.pruned)
        .map((index) => Math.floor(index / TILE_WIDTH)),
    );
    const findings: Finding[] = [];
    for (const bundle of bundlesOfSize(head.size)) {
      if (!touches(bundle, range) && !about.has(bundle.index)) continue;
      const first = log.first_position + bundle.index * TILE_WIDTH;
      const rows: PositionedRow[] = [];
      for await (const row of readRows(this.logs, manager, first, first + bundle.width - 1)) {
        rows.push(row);
      }
      const entries = toEntries(rows, log, bundle);
      if (Array.isArray(entries)) await folder.write(entriesPath(bundle), encodeEntries(entries));
      else findings.push(entries);
      const disclosed = isDisclosed ? disclosuresText(rows, log, range) : '';
      if (disclosed !== '') await folder.write(disclosuresPath(bundle.index), disclosed);
    }
    return findings;
  }

  private async writeTiles(
    manager: EntityManager,
    folder: BundleFolder,
    { log }: SealedLog,
    { size }: StoredHead,
  ): Promise<void> {
    const reader = new TileReader(this.tiles, manager, log);
    for (const tile of tilesOfSize(size)) {
      const hashes = await reader.read(tile.level, tile.index);
      // A tile of the present log can be wider than that of the head.
      const own = hashes.subarray(0, tile.width * HASH_BYTES);
      if (own.length > 0) await folder.write(tilePath(tile), own);
    }
  }
}

interface EntriesRequest {
  readonly log: SealedLog;
  readonly head: Pick<Checkpoint, 'size'>;
  readonly range: EntryRange;
  readonly isDisclosed: boolean;
}

function rangeOf(
  { origin, pruned }: SealedLog,
  { size }: StoredHead,
  range: EntryRange | undefined,
): EntryRange {
  const from = range?.from ?? pruned;
  const to = range === undefined || range.to === Infinity ? size - 1 : range.to;
  if (from < pruned) {
    throw new UsageError(
      `the entries of the log ${origin} before ${pruned} are in the archive: --from must not be below`,
    );
  }
  if (from < size && to < size) return { from, to };
  throw new UsageError(
    `the newest head of the log ${origin} covers ${size} entries: --from and --to must be below`,
  );
}

function touches({ index, width }: EntryBundle, { from, to }: EntryRange): boolean {
  const first = index * TILE_WIDTH;
  return first <= to && from < first + width;
}

/** Returns the entries of a bundle, or the first that has no leaf. */
function toEntries(
  rows: readonly PositionedRow[],
  { first_position }: SealedLog,
  { index, width }: EntryBundle,
): string[] | Finding {
  const entries: string[] = [];
  for (let n = 0; n < width; n += 1) {
    const entry = index * TILE_WIDTH + n;
    const row = rows[n];
    if (row?.position !== first_position + entry) {
      return { kind: 'INVALID', message: `entry ${entry} is missing` };
    }
    try {
      entries.push(leafText(row));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return { kind: 'INVALID', message: `entry ${entry} was changed (event ${row.id})` };
    }
  }
  return entries;
}

/** Returns a line for each entry of the range that has disclosures. An erased one has none. */
function disclosuresText(
  rows: readonly PositionedRow[],
  { first_position }: SealedLog,
  { from, to }: EntryRange,
): string {
  return rows
    .map((row) => ({
      index: row.position - first_position,
      open: [...disclosuresOf(row).values()],
    }))
    .filter(({ index, open }) => index >= from && index <= to && open.length > 0)
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}
