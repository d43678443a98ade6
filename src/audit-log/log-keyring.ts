import { FormatError } from '../../packages/verify/src/encoding.js';
import { type Head, openHead } from '../../packages/verify/src/head.js';
import type { KeyChanged } from '../../packages/verify/src/key-events.js';
import { noteVerifier, type NoteVerifier } from '../../packages/verify/src/note.js';
import { logsPolicy } from '../../packages/verify/src/policy.js';
import type { RecordedKeyEvent } from './key-events.repository.js';

/** A key and the sizes of the heads for which it counts. */
export interface KeyPeriod {
  readonly verifier: NoteVerifier;
  /** Size of the first head that it signed. */
  readonly from: number;
  /** Size of the last head for which it counts. Undefined: it signs now. */
  readonly until: number | undefined;
  readonly isRevoked: boolean;
}

/** A recorded change of the key. */
type Change = RecordedKeyEvent & { readonly event: KeyChanged };

/**
 * The keys of a log: those that the operator configured, and those that they lead to through the changes in the log. A key
 * that was replaced or revoked counts up to a size.
 */
export class LogKeyring {
  private readonly verifiers: NoteVerifier[];
  private readonly limits = new Map<string, number>();
  private readonly changes: readonly Change[];

  /**
   * @param pinned the 32 bytes of each configured public key
   * @param events the events about keys, in their order
   */
  constructor(
    readonly origin: string,
    pinned: readonly Buffer[],
    private readonly events: readonly RecordedKeyEvent[] = [],
  ) {
    this.verifiers = pinned.map((publicKey) => noteVerifier(origin, publicKey));
    this.changes = events.filter(isSealedChange);
    for (const { event, isSealed } of events) {
      if (event.kind !== 'revoked' || !isSealed) continue;
      // The name of a key contains the name of its log. A key that was revoked in an earlier log counts in none after it.
      const { vkey } = noteVerifier(origin, event.key.publicKey);
      this.limit(vkey, event.index < 0 ? -1 : event.goodUntil);
    }
    this.followBack();
    this.followForward();
  }

  /**
   * Reads a head. Undefined if it is of another log, or no key that counts at its size has signed it.
   *
   * @throws FormatError if it is malformed, or a signature of a key does not verify
   */
  open(note: string): Head | undefined {
    const head = openHead(note, logsPolicy(this.verifiers), this.limits);
    return head.keys.length > 0 && head.origin === this.origin ? head : undefined;
  }

  /** Whether a head has signatures of revoked keys only, and is larger than the size up to which they count. */
  isRefused(note: string): boolean {
    const { keys } = openHead(note, logsPolicy(this.verifiers), new Map());
    const areRevoked = keys.every(({ publicKey }) => this.isRevoked(publicKey));
    return keys.length > 0 && areRevoked && this.open(note) === undefined;
  }

  /**
   * Returns why a key does not sign the next head; undefined: it signs.
   *
   * @param newest the newest head
   */
  obstacleOf(publicKey: Buffer, newest: Head | undefined): string | undefined {
    const { vkey } = noteVerifier(this.origin, publicKey);
    if (this.isRevoked(publicKey)) return `The signing key ${vkey} was revoked`;
    const last = this.changes.at(-1);
    if (last) return this.obstacleAfter(last, vkey);
    if (!newest || newest.keys.some((key) => key.publicKey.equals(publicKey))) return undefined;
    return `The log is signed with another key than ${vkey}, and no change to it is recorded`;
  }

  /** Returns the keys with the sizes for which they count, the present one first. */
  periods(): KeyPeriod[] {
    const first = this.changes[0]?.event.old;
    const begun = this.changes.map(({ event, head }) => ({
      verifier: event.next,
      from: head?.size ?? event.index + 1,
    }));
    const named = [...(first ? [{ verifier: first, from: 0 }] : []), ...begun];
    const configured = this.verifiers
      .filter(({ vkey }) => !named.some(({ verifier }) => verifier.vkey === vkey))
      .map((verifier) => ({ verifier, from: 0 }));
    return [...named.reverse(), ...configured].map(({ verifier, from }) => ({
      verifier,
      from,
      until: this.untilOf(verifier),
      isRevoked: this.isRevoked(verifier.publicKey),
    }));
  }

  private untilOf({ vkey }: NoteVerifier): number | undefined {
    const limit = this.limits.get(vkey);
    return limit === undefined ? undefined : Math.max(limit, 0);
  }

  private obstacleAfter({ event, head }: Change, vkey: string): string | undefined {
    if (event.next.vkey !== vkey) {
      return `The signing key ${vkey} was replaced by ${event.next.vkey} at entry ${event.index}`;
    }
    if (head || this.isRevoked(event.old.publicKey)) return undefined;
    return `The change of the signing key at entry ${event.index} is not complete`;
  }

  private isRevoked(publicKey: Buffer): boolean {
    return this.events.some(
      ({ event, isSealed }) =>
        isSealed && event.kind === 'revoked' && event.key.publicKey.equals(publicKey),
    );
  }

  /** A trusted key vouches for the entries that its heads contain, also for the key before it. */
  private followBack(): void {
    for (const { event } of [...this.changes].reverse()) {
      if (this.has(event.next)) this.add(event.old);
    }
  }

  private followForward(): void {
    for (const { event, head } of this.changes) {
      if (!head) continue;
      if (this.has(event.old) && isSignedByBoth(event, head.checkpoint, this.limits)) {
        this.add(event.next);
      }
      this.limit(event.old.vkey, head.size);
    }
  }

  private has({ vkey }: NoteVerifier): boolean {
    return this.verifiers.some((verifier) => verifier.vkey === vkey);
  }

  private add(verifier: NoteVerifier): void {
    if (!this.has(verifier)) this.verifiers.push(verifier);
  }

  private limit(vkey: string, size: number): void {
    this.limits.set(vkey, Math.min(this.limits.get(vkey) ?? Infinity, size));
  }
}

function isSealedChange(recorded: RecordedKeyEvent): recorded is Change {
  return recorded.isSealed && recorded.event.kind === 'changed' && recorded.event.index >= 0;
}

function isSignedByBoth(
  { old, next }: KeyChanged,
  note: string,
  limits: ReadonlyMap<string, number>,
): boolean {
  try {
    return openHead(note, logsPolicy([old, next]), limits).keys.length === 2;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
