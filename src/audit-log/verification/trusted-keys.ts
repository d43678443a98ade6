import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EntityManager } from 'typeorm';
import { FormatError } from '../../../packages/verify/src/encoding.js';
import { splitNotes } from '../../../packages/verify/src/head.js';
import {
  type Checkpoint,
  noteVerifier,
  type NoteVerifier,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
} from '../../../packages/verify/src/note.js';
import { UsageError } from '../../common/usage-error.js';
import type { Environment } from '../../config/environment.js';
import { messageOf } from '../../errors/error-text.js';
import { AuditLogRepository } from '../audit-log.repository.js';
import { KeyEventsRepository } from '../key-events.repository.js';
import { LogKeyring } from '../log-keyring.js';
import { SigningKeyService } from '../signing-key.service.js';

/** The public keys whose heads a command of the operator trusts, whatever the name of the log. */
export class TrustedKeys {
  private readonly keyrings = new Map<string, LogKeyring>();

  constructor(private readonly publicKeys: readonly Buffer[]) {}

  /**
   * Returns the keys of the options of a command, and those that the environment of the controller names.
   *
   * @throws UsageError if there is none, or an option is not a verifier key
   */
  static of(environment: Environment, vkeys: readonly string[]): TrustedKeys {
    const keys = [...vkeys.map(publicKeyOf), ...new SigningKeyService(environment).publicKeys()];
    if (keys.length > 0) return new TrustedKeys(keys);
    throw new UsageError('no key is known: set AUDIT_SIGNING_KEY_FILE or AUDIT_RETIRED_KEYS');
  }

  verifiers(origin: string): NoteVerifier[] {
    return this.publicKeys.map((publicKey) => noteVerifier(origin, publicKey));
  }

  /** Follows the changes of keys that the logs of the database record. Returns the keys of each log. */
  async follow(manager: EntityManager): Promise<LogKeyring[]> {
    for (const { log, origin } of await new AuditLogRepository().list(manager)) {
      const events = await new KeyEventsRepository().list(manager, log);
      this.keyrings.set(origin, new LogKeyring(origin, this.publicKeys, events));
    }
    return [...this.keyrings.values()];
  }

  /**
   * Reads a head. Undefined: none of the keys has signed it.
   *
   * @throws FormatError if it is malformed
   */
  open(note: string, origin: string): Checkpoint | undefined {
    return this.keyringOf(origin).open(note);
  }

  /** Whether a head counts for nothing, because a revoked key has signed it after its limit. */
  isRefused(note: string, origin: string): boolean {
    return this.keyringOf(origin).isRefused(note);
  }

  /**
   * Reads the heads of all files of a folder. Leaves out those of revoked keys.
   *
   * @throws UsageError if a file is not one of heads, or no trusted key has signed one
   */
  readHeads(folder: string): Checkpoint[] {
    return namesOf(folder).flatMap((name) => {
      try {
        return splitNotes(readFileSync(join(folder, name), 'utf8')).flatMap((note) =>
          this.openAny(note),
        );
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        throw new UsageError(`--heads: ${name}: ${error.message}`);
      }
    });
  }

  private keyringOf(origin: string): LogKeyring {
    return this.keyrings.get(origin) ?? new LogKeyring(origin, this.publicKeys);
  }

  private openAny(note: string): Checkpoint[] {
    const { origin } = parseCheckpoint(parseNote(note).text);
    const head = this.open(note, origin);
    if (head) return [head];
    if (this.isRefused(note, origin)) return [];
    throw new FormatError('no known key has signed a head');
  }
}

function publicKeyOf(vkey: string): Buffer {
  try {
    return parseVerifierKey(vkey).publicKey;
  } catch (error) {
    throw new UsageError(`--key: ${messageOf(error)}`);
  }
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new UsageError(`--heads: ${messageOf(error)}`);
  }
}
