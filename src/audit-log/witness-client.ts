import { FormatError, parseDecimal } from '../../packages/verify/src/encoding.js';
import {
  type NoteVerifier,
  parseNote,
  signatureLine,
  verifyNote,
} from '../../packages/verify/src/note.js';
import {
  type AddCheckpoint,
  addCheckpointBody,
  SIZE_TYPE,
} from '../../packages/verify/src/witness.js';
import { withTimeLimit } from '../common/time-limit.js';
import type { AuditWitness } from '../config/audit-witness.js';
import { messageOf } from '../errors/error-text.js';
import { fetchInSpan } from '../observability/client-span.js';
import { readLimitedAnswer } from './outgoing-answer.js';

const TIMEOUT_MS = 5_000;

/** The witness has cosigned another size than the request names as old. */
export class OldSizeError extends Error {
  /** @param size the size of the head that the witness has cosigned last */
  constructor(readonly size: number) {
    super(`The witness has cosigned a head of ${size} entries`);
  }
}

/**
 * Submits a head to a witness (C2SP tlog-witness, `add-checkpoint`).
 *
 * @returns the line of the cosignature, which verifies with the key of the witness
 * @throws OldSizeError
 */
export async function submitHead(
  { url, verifier }: AuditWitness,
  request: AddCheckpoint,
  stopping: AbortSignal,
): Promise<string> {
  const { response, answer } = await withTimeLimit(TIMEOUT_MS, stopping, async (signal) => {
    const response = await fetchInSpan(url, {
      method: 'POST',
      redirect: 'error',
      signal,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: addCheckpointBody(request),
    });
    return { response, answer: (await readLimitedAnswer(response)).toString('utf8') };
  });
  if (response.status === 200) return cosignatureOf(request.note, answer, verifier);
  const size = response.status === 409 ? sizeOf(response, answer) : undefined;
  if (size !== undefined) throw new OldSizeError(size);
  throw new Error(refusalOf(response.status));
}

/** Returns the line of the witness. Lines of other keys are ignored, as C2SP tlog-witness requires. */
function cosignatureOf(note: string, answer: string, verifier: NoteVerifier): string {
  try {
    const parsed = parseNote(note + answer);
    const [verified] = verifyNote(parsed, [verifier]);
    const signature = parsed.signatures.find(
      ({ name, keyId }) => name === verifier.name && keyId === verifier.keyId,
    );
    if (verified && signature) return signatureLine(signature);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new Error(`The answer is not a cosignature: ${messageOf(error)}`, { cause: error });
  }
  throw new Error('The answer has no cosignature of the configured key');
}

/** Returns the size in a 409 response; undefined if there is none. */
function sizeOf({ headers }: Response, answer: string): number | undefined {
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim();
  if (type !== SIZE_TYPE) return undefined;
  try {
    return parseDecimal(answer.replace(/\n$/, ''));
  } catch {
    throw new Error('The answer with the status 409 has no size');
  }
}

function refusalOf(status: number): string {
  const reason = REFUSALS.get(status);
  return `It responded with ${status}${reason === undefined ? '' : `: ${reason}`}`;
}

/** The meaning of the statuses of C2SP tlog-witness. */
const REFUSALS = new Map([
  [403, 'it does not know the key that signed the head'],
  [404, 'it does not know the origin of the log, or the URL is wrong'],
  [409, 'it has cosigned another head of the same size'],
  [422, 'the head does not extend the one that it has cosigned'],
]);
