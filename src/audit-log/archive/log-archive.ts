import { setTimeout as sleep } from 'node:timers/promises';
import { TILE_WIDTH } from '../../../packages/verify/src/tiles.js';
import type { EntryRange } from '../../../packages/verify/src/bundle-log.js';
import type { Finding } from '../../../packages/verify/src/findings.js';
import type { TransactionsService } from '../../database/transactions.service.js';
import type { AuditLogRepository, SealedLog } from '../audit-log.repository.js';
import type { LogExport } from '../export/log-export.js';
import { ArchiveFolder } from './archive-folder.js';
import type { AnnouncedArchive, LogArchiveRepository } from './log-archive.repository.js';

/** Number of entries whose events one transaction deletes: whole groups of 256, as the entries of a bundle. */
const BATCH = 16 * TILE_WIDTH;
const POLL_MS = 200;

/** Settings of one run. */
export interface ArchiveRequest {
  /** The folder of the archives. */
  readonly out: string;
  /** Age in days at which a month is archived. */
  readonly days: number;
  /** Whether the run changes nothing. */
  readonly isDryRun: boolean;
  /** Whether anchors keep the heads. Then only entries that an anchored head covers are archived. */
  readonly hasAnchors: boolean;
  /** How long it waits for a signed head that covers the event `audit_archived`. */
  readonly waitMs: number;
}

/** Entries that were archived. */
export interface ArchivedPart extends EntryRange {
  readonly origin: string;
  readonly folder: string;
  /** Undefined: a dry run. */
  readonly sha256: string | undefined;
}

/** The result of one run. */
export interface ArchiveReport {
  readonly parts: readonly ArchivedPart[];
  /** Why it ended early. Empty: all that is old enough is archived. */
  readonly findings: readonly Finding[];
}

/** The run cannot start. */
class ArchiveError extends Error {}

/**
 * Moves the entries of months that ended long ago from the database into archives: bundles that verify without it. For each
 * month: write the bundle and verify it, record the event `audit_archived` with its digest, wait until a signed head covers
 * that event, delete the events. Each step can be interrupted, and the next run continues with it.
 */
export class LogArchive {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly logs: AuditLogRepository,
    private readonly archives: LogArchiveRepository,
    private readonly bundles: LogExport,
    private readonly request: ArchiveRequest,
  ) {}

  /**
   * @throws NotOwnerError if the role does not own the audit log
   * @throws ArchiveError if another process archives or erases events
   */
  run(): Promise<ArchiveReport> {
    return this.transactions.run(async (manager) => {
      await this.archives.assertOwner(manager);
      if (!(await this.archives.tryLock(manager))) {
        throw new ArchiveError('Another process archives or erases events. Wait for its end.');
      }
      return this.archiveLogs();
    });
  }

  private async archiveLogs(): Promise<ArchiveReport> {
    const parts: ArchivedPart[] = [];
    for (const log of await this.transactions.read((manager) => this.logs.list(manager))) {
      for (let next = log; ;) {
        const found = await this.findPart(next);
        if (!found) break;
        const { part, findings } = await this.archive(next, found);
        if (findings.length > 0) return { parts, findings };
        parts.push(part);
        next = { ...next, pruned: part.to + 1 };
      }
    }
    return { parts, findings: [] };
  }

  /** Returns the archive that was recorded before, or the entries of the next month. Undefined: no month is old enough. */
  private findPart(log: SealedLog): Promise<AnnouncedArchive | EntryRange | undefined> {
    const { days, hasAnchors } = this.request;
    return this.transactions.read(async (manager) => {
      const announced = await this.archives.findAnnounced(manager, log);
      if (announced) return announced;
      const safe = await this.archives.getSafeSize(manager, log, hasAnchors);
      for (const end of await this.archives.listMonthEnds(manager, log, days)) {
        const size = await this.archives.findEnd(manager, log, safe, end);
        const whole = Math.floor(size / TILE_WIDTH) * TILE_WIDTH;
        if (whole > log.pruned) return { from: log.pruned, to: whole - 1 };
      }
      return undefined;
    });
  }

  private async archive(
    log: SealedLog,
    found: AnnouncedArchive | EntryRange,
  ): Promise<{ part: ArchivedPart; findings: readonly Finding[] }> {
    const { from, to } = found;
    const folder = new ArchiveFolder(this.request.out, `log-${log.log}`, `entries-${from}-${to}`);
    const part = { origin: log.origin, folder: folder.path, from, to, sha256: undefined };
    if (this.request.isDryRun) return { part, findings: [] };
    const failed = (findings: readonly Finding[]) => ({ part, findings });
    const isRecorded = 'sha256' in found;
    const findings = isRecorded ? [] : await this.complete(folder, log, found);
    if (findings.length > 0) return failed(findings);
    const sha256 = await folder.digest();
    if (isRecorded && sha256 !== found.sha256) return failed([missing(part)]);
    if (sha256 === undefined) return failed([changed(part)]);
    await folder.persist();
    if (!isRecorded) await this.announce(log, found, sha256);
    if (!(await this.untilSigned(log))) return failed([unsigned(part)]);
    await this.remove(log, to + 1);
    return { part: { ...part, sha256 }, findings: [] };
  }

  /** Writes the bundle, unless an earlier run has completed it, and verifies it. */
  private async complete(
    folder: ArchiveFolder,
    { origin }: SealedLog,
    range: EntryRange,
  ): Promise<readonly Finding[]> {
    if (folder.exists) return this.bundles.verify(folder.path, origin, range);
    const bundle = await folder.begin();
    const { findings } = await this.transactions.readSnapshot((manager) =>
      this.bundles.run(manager, bundle, { origin, range, isDisclosed: true }),
    );
    if (findings.length === 0) await folder.complete();
    return findings;
  }

  private async announce(
    { origin }: SealedLog,
    { from, to }: EntryRange,
    sha256: string,
  ): Promise<void> {
    await this.transactions.run((manager) =>
      this.archives.record(manager, { origin, from, to, sha256 }),
    );
  }

  private async untilSigned(log: SealedLog): Promise<boolean> {
    const deadline = performance.now() + this.request.waitMs;
    for (;;) {
      const archive = await this.transactions.read((manager) =>
        this.archives.findAnnounced(manager, log),
      );
      if (archive?.isSigned === true) return true;
      if (performance.now() > deadline) return false;
      await sleep(POLL_MS);
    }
  }

  private async remove(log: SealedLog, end: number): Promise<void> {
    for (let rest = log; rest.pruned < end;) {
      const next = Math.min(rest.pruned + BATCH, end);
      await this.transactions.run((manager) => this.archives.remove(manager, rest, next));
      rest = { ...rest, pruned: next };
    }
  }
}

function missing({ from, to, folder }: ArchivedPart): Finding {
  return incomplete(
    `the archive of the entries ${from} to ${to} is recorded, but ${folder} does not have its digest: restore it, or name its place with --out`,
  );
}

function changed({ folder }: ArchivedPart): Finding {
  return incomplete(
    `${folder} is not an archive, or was changed: move it away, and repeat the command`,
  );
}

function unsigned({ from, to }: ArchivedPart): Finding {
  return incomplete(
    `no signed head covers the event audit_archived of the entries ${from} to ${to} yet: start a controller that seals and signs, and repeat the command`,
  );
}

function incomplete(message: string): Finding {
  return { kind: 'INCOMPLETE', message };
}
