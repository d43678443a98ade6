import { FormatError } from './encoding.js';
import { FindingError } from './findings.js';
import {
  type Checkpoint,
  cosignatureVerifier,
  type NoteVerifier,
  parseCheckpoint,
  parseNote,
  type VerifiedSignature,
  verifyNote,
} from './note.js';
import type { Policy } from './policy.js';

/** A head whose signatures verify. */
export interface Head extends Checkpoint {
  /** Trusted keys of the log that signed it. */
  readonly keys: readonly NoteVerifier[];
  /** When the log signed it, in seconds since 1970, by its own clock. */
  readonly time: number | undefined;
  /** Witnesses that cosigned it. */
  readonly witnesses: readonly NoteVerifier[];
  /** Whether the witnesses suffice for the policy. */
  readonly isWitnessed: boolean;
}

/** A limit for heads of a key that was revoked. */
export type KeyLimits = ReadonlyMap<string, number>;

/**
 * Verifies a head.
 *
 * @param limits by verifier key: the largest size for which the key is trusted
 * @throws FormatError if it is malformed, or a signature of a known key does not verify
 * @throws FindingError INVALID if no key of the policy has signed it
 */
export function verifyHead(
  note: string | Uint8Array,
  policy: Policy,
  limits: KeyLimits = new Map(),
): Head {
  const head = openHead(note, policy, limits);
  if (head.keys.length > 0) return head;
  const { size, origin } = head;
  throw new FindingError('INVALID', `head of ${size}: no trusted key of ${origin} has signed it`);
}

/** Like {@link verifyHead}, but the head may have no key: only keys that are not trusted have signed it. */
export function openHead(note: string | Uint8Array, policy: Policy, limits: KeyLimits): Head {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  const { origin, size } = checkpoint;
  const logs = policy.logs.filter(({ name }) => name === origin);
  const timed = logs.map(cosignatureVerifier);
  const verified = verifyNote(parsed, [...logs, ...timed, ...policy.witnesses]);
  const among = (verifiers: readonly NoteVerifier[]): VerifiedSignature[] =>
    verified.filter(({ verifier }) => verifiers.includes(verifier));
  const keys = unique(among(logs)).filter(({ vkey }) => size <= (limits.get(vkey) ?? Infinity));
  const witnesses = unique(among(policy.witnesses));
  return {
    ...checkpoint,
    keys,
    time: among(timed)[0]?.time,
    witnesses,
    isWitnessed: policy.isMet(witnesses),
  };
}

/**
 * Returns the heads of a file: notes, one after the other, as a file anchor receives them.
 *
 * @throws FormatError if the file is empty or does not end with a note
 */
export function splitNotes(text: string): string[] {
  const notes = text.match(/[^\n]+\n(?:[^\n—][^\n]*\n)+\n(?:— [^\n]*\n)+\n*/gu) ?? [];
  if (notes.length === 0 || notes.join('') !== text) throw new FormatError('not a file of heads');
  return notes.map((note) => note.replace(/\n+$/, '\n'));
}

function unique(signatures: readonly VerifiedSignature[]): NoteVerifier[] {
  return [...new Set(signatures.map(({ verifier }) => verifier))];
}
