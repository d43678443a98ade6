import { FormatError } from './encoding.js';
import type { KeyEvent } from './bundle-log.js';
import { type Head, type KeyLimits, openHead } from './head.js';
import type { JsonObject } from './json.js';
import { ED25519, type NoteVerifier, parseVerifierKey } from './note.js';
import type { Policy } from './policy.js';

/** The trusted keys of a log, followed through its entries from the keys that the verifier has pinned. */
export class KeyChain {
  private readonly logs: NoteVerifier[];
  private readonly limits: Map<string, number>;
  private readonly events: KeyEvent[];

  constructor(
    private readonly policy: Policy,
    limits: KeyLimits,
    events: readonly KeyEvent[],
  ) {
    this.logs = [...policy.logs];
    this.limits = new Map(limits);
    this.events = [...events];
  }

  /**
   * Verifies a head. Call it with heads of ascending size that are of the log of the entries. A change of the key counts
   * if the first head that contains it is signed by the old and the new key.
   */
  verify(note: string): Head {
    const head = openHead(note, this.policyNow(), this.limits);
    while (this.events[0] && this.events[0].index < head.size && head.keys.length > 0) {
      const event = this.events.shift();
      if (event) this.apply(event, head, note);
    }
    return head;
  }

  private policyNow(): Policy {
    const { witnesses } = this.policy;
    return { logs: this.logs, witnesses, isMet: (cosigners) => this.policy.isMet(cosigners) };
  }

  private apply({ index, leaf }: KeyEvent, head: Head, note: string): void {
    const { facts, event_type } = leaf;
    const isSignedBy = (vkey: string): boolean => head.keys.some((key) => key.vkey === vkey);
    if (event_type === 'log_key_revoked') {
      const { good_until_size } = facts;
      if (typeof good_until_size !== 'number') throw new FormatError(`entry ${index} has no size`);
      this.limit(textOf(facts, 'vkey', index), good_until_size);
      return;
    }
    const [old, next] = [textOf(facts, 'old', index), textOf(facts, 'new', index)];
    if (!isSignedBy(old)) return;
    const verifier = parseVerifierKey(next);
    if (verifier.type !== ED25519) throw new FormatError(`entry ${index} has no key of a log`);
    const withNext = { ...this.policyNow(), logs: [...this.logs, verifier] };
    if (!openHead(note, withNext, this.limits).keys.includes(verifier)) {
      throw new FormatError(
        `the new key of entry ${index} has not signed the head of ${head.size}`,
      );
    }
    this.logs.push(verifier);
    this.limit(old, head.size);
  }

  private limit(vkey: string, size: number): void {
    this.limits.set(vkey, Math.min(this.limits.get(vkey) ?? Infinity, size));
  }
}

function textOf(facts: JsonObject, name: string, index: number): string {
  const value = facts[name];
  if (typeof value !== 'string') throw new FormatError(`entry ${index} has no ${name}`);
  return value;
}
