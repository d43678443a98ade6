import { Injectable, Logger } from '@nestjs/common';
import type { Head } from '../../packages/verify/src/head.js';
import type { Checkpoint } from '../../packages/verify/src/note.js';
import { Environment } from '../config/environment.js';
import { parseAnchor } from '../config/audit-anchor.js';
import { messageOf } from '../errors/error-text.js';
import { readLatestHeads } from './file-anchor.js';
import { LogKeyring } from './log-keyring.js';
import { SigningKeyService } from './signing-key.service.js';

/**
 * The newest heads that this process knows to be published: those that it has signed or seen, and those that file anchors
 * have when the process first reads the log. A log that does not extend them is not signed.
 */
@Injectable()
export class KnownHeadsService {
  private readonly logger = new Logger(KnownHeadsService.name);
  private readonly keyrings = new Map<string, LogKeyring>();
  private readonly newest = new Map<string, Checkpoint>();
  /** The origins of the logs whose anchored heads were read. */
  private readonly anchored = new Set<string>();

  constructor(
    private readonly keys: SigningKeyService,
    private readonly environment: Environment,
  ) {}

  /** Returns the newest known head of a log. */
  async find(origin: string): Promise<Checkpoint | undefined> {
    await this.readAnchors(origin);
    return this.newest.get(origin);
  }

  /** Sets the keys that {@link open} uses for the heads of a log. */
  use(keyring: LogKeyring): void {
    this.keyrings.set(keyring.origin, keyring);
  }

  add(head: Checkpoint): void {
    const known = this.newest.get(head.origin);
    if (!known || known.size < head.size) this.newest.set(head.origin, head);
  }

  /**
   * Reads a head that a key of the log has signed.
   *
   * @throws FormatError if it is not a head of this log
   */
  open(note: string, origin: string): Head | undefined {
    const keyring = this.keyrings.get(origin) ?? new LogKeyring(origin, this.keys.publicKeys());
    return keyring.open(note);
  }

  /** Ignores heads that no known key has signed. Otherwise everybody who can write to the file could stop the signer. */
  private async readAnchors(origin: string): Promise<void> {
    if (this.anchored.has(origin)) return;
    for (const { name, kind, target } of this.environment.AUDIT_ANCHORS.map(parseAnchor)) {
      if (kind !== 'file') continue;
      try {
        for (const note of await readLatestHeads(target)) this.addNote(note, origin);
      } catch (error) {
        this.logger.warn(`Cannot read the heads of the anchor ${name}. ${messageOf(error)}`);
      }
    }
    this.anchored.add(origin);
  }

  private addNote(note: string, origin: string): void {
    try {
      const head = this.open(note, origin);
      if (head) this.add(head);
    } catch (error) {
      this.logger.warn(`An anchored head is not valid. ${messageOf(error)}`);
    }
  }
}
