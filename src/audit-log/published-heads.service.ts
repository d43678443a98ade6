import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Head } from '../../packages/verify/src/head.js';
import type { Checkpoint } from '../../packages/verify/src/note.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import { AuditHeadsRepository } from './audit-heads.repository.js';
import type { SealedLog } from './audit-log.repository.js';
import { HeadCheckService } from './head-check.service.js';
import { KnownHeadsService } from './known-heads.service.js';

/** The topic of the announcements that a head was signed. */
const AUDIT_HEAD_TOPIC = 'audit-head';

/** The signed heads of a log: those in the database, and those that this process knows besides. */
@Injectable()
export class PublishedHeadsService {
  private readonly listeners: ((head: Checkpoint) => void)[] = [];

  constructor(
    private readonly heads: AuditHeadsRepository,
    private readonly check: HeadCheckService,
    private readonly known: KnownHeadsService,
    private readonly notifier: WorkNotifierService,
  ) {}

  /**
   * Asserts that a log extends all its heads.
   *
   * @returns the newest head in the database
   * @throws DivergedError
   */
  assertExtended(manager: EntityManager, log: SealedLog): Promise<Head | undefined> {
    return this.check.assertExtended(manager, log);
  }

  /** Calls `listener` after each head that this instance has signed and stored. */
  onSigned(listener: (head: Checkpoint) => void): void {
    this.listeners.push(listener);
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
    for (const listener of this.listeners) listener(head);
    await this.notifier.announce(AUDIT_HEAD_TOPIC, String(head.size));
  }
}
