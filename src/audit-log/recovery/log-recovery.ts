import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { CompactTree } from '../../../packages/verify/src/tree.js';
import { newId } from '../../common/new-id.js';
import { BATCH, type EventLogRepository } from '../../events/event-log.repository.js';
import type { AuditLogRepository, SealedLog } from '../audit-log.repository.js';
import { readRows, rowHash } from '../event-rows.js';
import type { HeadCheckService } from '../head-check.service.js';
import { DivergedError } from '../tree-check.js';
import type { LogRecoveryRepository } from './log-recovery.repository.js';

const RETRIES = 200;
const RETRY_MS = 50;

/** The log that ends, and the one that continues it. */
export interface Recovery {
  readonly ended: SealedLog;
  readonly origin: string;
  /** The position in the event log at which it begins. */
  readonly first_position: number;
  /** Why the ended log cannot be signed. */
  readonly reason: string;
}

/** A recovery cannot run. The message contains the reason. */
class RecoveryError extends Error {}

/** The events after the last entry of the ended log. They are in neither log. */
interface Gap {
  readonly size: number;
  readonly root: Buffer;
  /** The first position that has no event. */
  readonly missing: number | undefined;
}

/**
 * Continues a log that has diverged from its published heads. The log ends, and another one begins, whose entry 0 is the
 * event `log_continued`. It names the end of the former log, its newest published head, and the events between both logs,
 * so that all of them stay sealed.
 */
export class LogRecovery {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly check: HeadCheckService,
    private readonly eventLog: EventLogRepository,
    private readonly events: LogRecoveryRepository,
  ) {}

  /**
   * Runs in one transaction. Until it ends, no event receives a position and no entry is sealed; requests go on.
   *
   * @param told why, in the words of the operator
   * @throws RecoveryError if the log has not diverged, or is in use
   */
  async run(manager: EntityManager, told: string | undefined): Promise<Recovery> {
    await this.numberAll(manager);
    const ended = await this.lock(manager);
    const gap = await this.readGap(manager, ended);
    const reason = (await this.divergenceOf(manager, ended)) ?? missingOf(gap);
    if (reason === undefined) {
      throw new RecoveryError(
        `The log ${ended.origin} extends its published heads, so nothing was changed. If a head that was kept elsewhere contradicts it, repeat the command with --heads.`,
      );
    }
    const head = await this.check.findPublished(manager, ended);
    const first_position = await this.events.append(manager, {
      id: newId(),
      event_type: 'log_continued',
      metadata: {
        ...{ origin: ended.origin, size: ended.size, root: ended.root.toString('base64') },
        head: head ? { size: head.size, root: head.root.toString('base64') } : null,
        gap: { size: gap.size, root: gap.root.toString('base64') },
        reason,
        ...(told !== undefined && { told }),
      },
    });
    const origin = await this.begin(manager, ended.log + 1, first_position);
    return { ended, origin, first_position, reason };
  }

  /** Locks the head of the event log until the transaction ends, and gives all events their positions. */
  private async numberAll(manager: EntityManager): Promise<void> {
    const head = await retried(() => this.eventLog.tryLock(manager));
    if (!head) throw new RecoveryError('The event log is in use. Repeat the command.');
    if (!head.is_backfilled) {
      throw new RecoveryError('Not all events have a position yet. Start a controller first.');
    }
    if (head.origin !== head.present_origin) {
      await this.eventLog.beginEpoch(manager, head.present_origin);
    }
    let { position } = await this.eventLog.getHead(manager);
    for (let numbered = BATCH; numbered === BATCH;) {
      // Sent with the next statement.
      this.eventLog.number(manager, head.highest_n);
      const before = position;
      ({ position } = await this.eventLog.getHead(manager));
      numbered = position - before;
    }
  }

  private async lock(manager: EntityManager): Promise<SealedLog> {
    const log = await retried(() => this.logs.tryLock(manager));
    if (log) return log;
    const isEmpty = (await this.logs.find(manager)) === undefined;
    throw new RecoveryError(
      isEmpty ? 'No log is sealed.' : 'The audit log is in use. Repeat the command.',
    );
  }

  private async divergenceOf(manager: EntityManager, log: SealedLog): Promise<string | undefined> {
    try {
      await this.check.assertExtended(manager, log);
      return undefined;
    } catch (error) {
      if (error instanceof DivergedError) return error.message;
      throw error;
    }
  }

  private async readGap(manager: EntityManager, { first_position, size }: SealedLog): Promise<Gap> {
    const first = first_position + size;
    const last = await this.logs.getLastPosition(manager);
    const tree = CompactTree.empty();
    let expected = first;
    let missing: number | undefined;
    for await (const row of readRows(this.logs, manager, first, last)) {
      if (row.position !== expected) missing ??= expected;
      expected = row.position + 1;
      const hash = rowHash(row);
      if (hash) tree.append(hash);
    }
    if (expected <= last) missing ??= expected;
    return { size: tree.size, root: tree.root(), missing };
  }

  private async begin(
    manager: EntityManager,
    log: number,
    first_position: number,
  ): Promise<string> {
    const [first] = await this.logs.list(manager);
    if (!first) throw new Error('There is no log');
    const origin = `${first.origin}/${log}`;
    await this.logs.begin(manager, { log, origin, first_position });
    return origin;
  }
}

function missingOf({ missing }: Gap): string | undefined {
  if (missing === undefined) return undefined;
  return `The event at position ${missing} of the event log is missing, so no later event can be sealed.`;
}

/** Repeats a lock that another transaction holds. */
async function retried<T>(lock: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let attempt = 0; attempt < RETRIES; attempt += 1) {
    const found = await lock();
    if (found !== undefined) return found;
    await sleep(RETRY_MS);
  }
  return undefined;
}
