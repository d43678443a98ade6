import { FormatError } from './encoding.js';
import type { JsonObject } from './json.js';
import { ED25519, type NoteVerifier, parseVerifierKey } from './note.js';

/** Events of a log about the keys that sign it. */

export const KEY_CHANGED = 'log_key_changed';
export const KEY_REVOKED = 'log_key_revoked';

/** From the first head that contains it, the new key signs. Both keys sign that head. */
export interface KeyChanged {
  readonly kind: 'changed';
  readonly index: number;
  readonly old: NoteVerifier;
  readonly next: NoteVerifier;
}

/** Heads of the key count only up to a size. */
export interface KeyRevoked {
  readonly kind: 'revoked';
  readonly index: number;
  readonly key: NoteVerifier;
  readonly goodUntil: number;
}

export type KeyEvent = KeyChanged | KeyRevoked;

/**
 * Reads an event about keys. Undefined for an event of another type.
 *
 * @param index the index of its entry
 * @throws FormatError if it does not name keys of a log
 */
export function readKeyEvent(
  index: number,
  { event_type, facts }: { event_type: string; facts: JsonObject },
): KeyEvent | undefined {
  if (event_type === KEY_CHANGED) {
    const [old, next] = [keyOf(facts, 'old'), keyOf(facts, 'new')];
    return { kind: 'changed', index, old, next };
  }
  if (event_type !== KEY_REVOKED) return undefined;
  const { good_until_size } = facts;
  if (typeof good_until_size !== 'number') throw new FormatError('good_until_size is not a number');
  return { kind: 'revoked', index, key: keyOf(facts, 'vkey'), goodUntil: good_until_size };
}

function keyOf(facts: JsonObject, name: string): NoteVerifier {
  const value = facts[name];
  if (typeof value !== 'string') throw new FormatError(`${name} is not a verifier key`);
  const verifier = parseVerifierKey(value);
  if (verifier.type !== ED25519) throw new FormatError(`${name} is not the key of a log`);
  return verifier;
}
