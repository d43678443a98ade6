import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { FormatError } from '../../packages/verify/src/encoding.js';
import type { Checkpoint } from '../../packages/verify/src/note.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import { AuditHeadsRepository, type StoredHead } from './audit-heads.repository.js';
import type { SealedLog } from './audit-log.repository.js';
import { AuditTilesRepository } from './audit-tiles.repository.js';
import { KnownHeadsService } from './known-heads.service.js';
import { assertExtends, DivergedError, tilesOfHeads } from './tree-check.js';

/** The topic of the announcements that a head was signed. */
const AUDIT_HEAD_TOPIC = 'audit-head';

/** The signed heads of a log: those in the database, and those that this process knows besides. */
@Injectable()
export class PublishedHeadsService {
  constructor(
    private readonly heads: AuditHeadsRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly known: KnownHeadsService,
    private readonly notifier: WorkNotifierService,
  ) {}

  /**
   * Asserts that a log extends all its heads: the newest in the database, which must have a signature of a known key, and
   * the newest that this process has signed, seen, or read from an anchor.
   *
   * @throws DivergedError
   */
  async assertExtended(manager: EntityManager, log: SealedLog): Promise<void> {
    const stored = await this.heads.findNewest(manager, log.log);
    const known = await this.known.find(log.origin);
    const published = [
      ...(stored ? [this.open(stored, log.origin)] : []),
      ...(known ? [known] : []),
    ];
    const tiles = await this.tiles.read(manager, log.log, tilesOfHeads(log.size, published));
    assertExtends(log, published, tiles.reader);
    for (const head of published) this.known.add(head);
  }

  /** Whether a head of the log is known that the database, with its newest head of this size, does not have. */
  async isBehind(origin: string, size: number): Promise<boolean> {
    const known = await this.known.find(origin);
    return known !== undefined && known.size > size;
  }

  /** Stores a head. */
  async store(
    manager: EntityManager,
    { log }: SealedLog,
    head: Checkpoint,
    checkpoint: string,
  ): Promise<void> {
    await this.heads.insert(manager, log, { size: head.size, root: head.root, checkpoint });
  }

  /** Notifies all instances of a stored head. */
  async announce(head: Checkpoint): Promise<void> {
    this.known.add(head);
    await this.notifier.announce(AUDIT_HEAD_TOPIC, String(head.size));
  }

  private open({ size, root, checkpoint }: StoredHead, origin: string): Checkpoint {
    const head = this.findSigned(checkpoint, origin);
    if (head?.size === size && head.root.equals(root)) return head;
    throw new DivergedError(`No known key has signed the newest head, of ${size} entries.`);
  }

  private findSigned(checkpoint: string, origin: string): Checkpoint | undefined {
    try {
      return this.known.open(checkpoint, origin);
    } catch (error) {
      if (error instanceof FormatError) return undefined;
      throw error;
    }
  }
}
