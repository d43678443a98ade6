import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { FormatError } from '../../packages/verify/src/encoding.js';
import type { Head } from '../../packages/verify/src/head.js';
import type { Checkpoint } from '../../packages/verify/src/note.js';
import { AuditHeadsRepository, type StoredHead } from './audit-heads.repository.js';
import type { SealedLog } from './audit-log.repository.js';
import { AuditTilesRepository } from './audit-tiles.repository.js';
import { KnownHeadsService } from './known-heads.service.js';
import { assertExtends, DivergedError, tilesOfHeads } from './tree-check.js';

/** Compares a log with the heads that were published of it. */
@Injectable()
export class HeadCheckService {
  constructor(
    private readonly heads: AuditHeadsRepository,
    private readonly tiles: AuditTilesRepository,
    private readonly known: KnownHeadsService,
  ) {}

  /**
   * Asserts that a log extends all its heads: the newest in the database, which must have a signature of a known key, and
   * the newest that this process has signed, seen, or read from an anchor.
   *
   * @returns the newest head in the database
   * @throws DivergedError
   */
  async assertExtended(manager: EntityManager, log: SealedLog): Promise<Head | undefined> {
    const stored = await this.heads.findNewest(manager, log.log);
    const known = await this.known.find(log.origin);
    const newest = stored && this.open(stored, log.origin);
    const published = [...(newest ? [newest] : []), ...(known ? [known] : [])];
    const tiles = await this.tiles.read(manager, log.log, tilesOfHeads(log.size, published));
    assertExtends(log, published, tiles.reader);
    for (const head of published) this.known.add(head);
    return newest;
  }

  /** Returns the newest head that was kept outside of the database; if there is none, the newest in it. */
  async findPublished(manager: EntityManager, log: SealedLog): Promise<Checkpoint | undefined> {
    const known = await this.known.find(log.origin);
    if (known) return known;
    const stored = await this.heads.findNewest(manager, log.log);
    return stored && this.findSigned(stored, log.origin);
  }

  private open(stored: StoredHead, origin: string): Head {
    const head = this.findSigned(stored, origin);
    if (head) return head;
    throw new DivergedError(`No known key has signed the newest head, of ${stored.size} entries.`);
  }

  /** Undefined: no known key has signed the stored head, or its row is not the one that was signed. */
  private findSigned(stored: StoredHead, origin: string): Head | undefined {
    try {
      const head = this.known.open(stored.checkpoint, origin);
      return head?.size === stored.size && head.root.equals(stored.root) ? head : undefined;
    } catch (error) {
      if (error instanceof FormatError) return undefined;
      throw error;
    }
  }
}
