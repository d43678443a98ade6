import { setImmediate as turn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { leafText } from '../../packages/verify/src/leaf.js';
import { CompactTree, leafHash } from '../../packages/verify/src/tree.js';
import { TransactionsService } from '../database/transactions.service.js';
import {
  AuditLogRepository,
  type PositionedRow,
  ROWS,
  type SealedLog,
} from './audit-log.repository.js';
import { AuditTilesRepository } from './audit-tiles.repository.js';
import { openTilesOf, TileAppender } from './tile-appender.js';
import { assertExtends } from './tree-check.js';

/** Number of leaves after which other work of the process has its turn. */
const LEAVES_OF_A_TURN = 256;

/** The result of one batch. */
interface Growth {
  /** Number of entries that were added. */
  added: number;
  /** Whether there can be more events. */
  isFull: boolean;
}

/** An event that has a position cannot be read: somebody has deleted it. */
class MissingEventError extends Error {}

/** Appends the events of the event log to the sealed log, in the order of their positions. */
@Injectable()
export class LogGrowthService {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly transactions: TransactionsService,
  ) {}

  /**
   * Seals the next events in one transaction. Undefined: another process does so now.
   *
   * @throws DivergedError if the stored tree does not have its root
   * @throws MissingEventError
   */
  grow(): Promise<Growth | undefined> {
    return this.transactions.runInNewTransaction((manager) => this.growIn(manager));
  }

  /** The same in a transaction of the caller. */
  async growIn(manager: EntityManager): Promise<Growth | undefined> {
    const log = await this.logs.tryLock(manager);
    if (!log) return undefined;
    const from = log.first_position + log.size;
    const [stored, { rows, isTruncated }] = await Promise.all([
      this.tiles.read(manager, log.log, openTilesOf(log.size)),
      this.logs.listRows(manager, from, from + ROWS - 1),
    ]);
    if (rows.length === 0) return { added: 0, isFull: false };
    assertExtends(log, [], stored.reader);
    const tree = CompactTree.read(log.size, stored.reader);
    const appender = new TileAppender(log.size, (place) => stored.get(place));
    for (const [number, row] of rows.entries()) {
      assertPosition(row, from + number);
      const hash = leafHash(leafText(row));
      tree.append(hash);
      appender.append(hash);
      if (number % LEAVES_OF_A_TURN === LEAVES_OF_A_TURN - 1) await turn();
    }
    await this.store(manager, log, tree, appender);
    return { added: rows.length, isFull: isTruncated || rows.length === ROWS };
  }

  private async store(
    manager: EntityManager,
    log: SealedLog,
    tree: CompactTree,
    appender: TileAppender,
  ): Promise<void> {
    await Promise.all([
      this.tiles.append(manager, log.log, appender.appended()),
      this.logs.grow(manager, log, { size: tree.size, root: tree.root() }),
    ]);
  }
}

/** Positions have no gaps, so a row that is not at its position stands behind one that is missing. */
function assertPosition({ position }: PositionedRow, expected: number): void {
  if (position === expected) return;
  throw new MissingEventError(`The event at position ${expected} of the event log is missing.`);
}
