import { FormatError } from './encoding.js';
import { type Head, type KeyLimits, openHead } from './head.js';
import type { KeyChanged, KeyEvent, KeyRevoked } from './key-events.js';
import type { NoteVerifier } from './note.js';
import type { Policy } from './policy.js';

/** The trusted keys of a log, followed through its entries from the keys that the verifier has pinned. */
export class KeyChain {
  private readonly logs: NoteVerifier[];
  private readonly limits: Map<string, number>;
  private events: readonly KeyEvent[];
  private readonly revoked = new Map<string, number>();

  constructor(
    private readonly policy: Policy,
    limits: KeyLimits,
    events: readonly KeyEvent[],
  ) {
    this.logs = [...policy.logs];
    this.limits = new Map(limits);
    this.events = events;
  }

  /**
   * Returns a chain for heads of ascending size. A revocation that one of them proves also applies to those before it: they
   * can be the work of the thief.
   */
  static of(
    notes: readonly string[],
    policy: Policy,
    limits: KeyLimits,
    events: readonly KeyEvent[],
  ): KeyChain {
    const scout = new KeyChain(policy, limits, events);
    for (const note of notes) scout.tryVerify(note);
    const chain = new KeyChain(policy, limits, events);
    for (const [vkey, size] of scout.revoked) chain.limit(vkey, size);
    return chain;
  }

  /**
   * Verifies a head. Call it with heads of ascending size that are of the log of the entries. A change of the key counts
   * if the first head that contains it is signed by the old and the new key. A revocation counts from the first head that
   * another key has signed.
   */
  verify(note: string): Head {
    const { size, keys } = this.open(note);
    if (keys.length === 0) return this.open(note);
    const covered = this.events.filter(({ index }) => index < size);
    this.events = this.events.filter(({ index }) => index >= size);
    for (const event of covered) {
      if (event.kind === 'changed') this.change(event, note);
      else if (!this.revoke(event, note)) this.events = [event, ...this.events];
    }
    return this.open(note);
  }

  private tryVerify(note: string): void {
    try {
      this.verify(note);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }

  private policyNow(): Policy {
    const { witnesses } = this.policy;
    return { logs: this.logs, witnesses, isMet: (cosigners) => this.policy.isMet(cosigners) };
  }

  private open(note: string): Head {
    return openHead(note, this.policyNow(), this.limits);
  }

  private change({ index, old, next }: KeyChanged, note: string): void {
    const { size, keys } = this.open(note);
    if (!keys.some(({ vkey }) => vkey === old.vkey)) return;
    this.logs.push(next);
    if (!this.open(note).keys.some(({ vkey }) => vkey === next.vkey)) {
      this.logs.pop();
      throw new FormatError(`the new key of entry ${index} has not signed the head of ${size}`);
    }
    this.limit(old.vkey, size);
  }

  /** Returns whether another key has signed the head: the holder of a key could revoke it with a limit of their own. */
  private revoke({ key, goodUntil }: KeyRevoked, note: string): boolean {
    const { vkey } = key;
    if (this.open(note).keys.every((signer) => signer.vkey === vkey)) return false;
    this.revoked.set(vkey, Math.min(this.revoked.get(vkey) ?? Infinity, goodUntil));
    this.limit(vkey, goodUntil);
    return true;
  }

  private limit(vkey: string, size: number): void {
    this.limits.set(vkey, Math.min(this.limits.get(vkey) ?? Infinity, size));
  }
}
