import {
  type Checkpoint,
  ED25519,
  type NoteVerifier,
  parseCheckpoint,
  parseNote,
  verifyNote,
} from '../../packages/verify/src/note.js';

/**
 * Reads a head of a log. Undefined if it is of another log, or none of the keys has signed it.
 *
 * @throws FormatError if it is malformed, or a signature of a key does not verify
 */
export function openHead(
  note: string,
  origin: string,
  verifiers: readonly NoteVerifier[],
): Checkpoint | undefined {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  const verified = verifyNote(parsed, verifiers);
  const isSigned = verified.some(({ verifier }) => verifier.type === ED25519);
  return isSigned && checkpoint.origin === origin ? checkpoint : undefined;
}
