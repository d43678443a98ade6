import { decodeBase64, decodeUtf8, FormatError, parseDecimal } from './encoding.js';
import {
  type Checkpoint,
  cosignText,
  type LogSigner,
  type Note,
  type NoteVerifier,
  parseCheckpoint,
  parseNote,
  verifyNote,
} from './note.js';
import { EMPTY_ROOT, HASH_BYTES, isConsistent } from './tree.js';

/** A witness of logs (C2SP tlog-witness): it cosigns a head only if it extends the head that it cosigned before. */

/** The latest heads that a witness has cosigned. */
export interface WitnessState {
  get(origin: string): Promise<StoredHead | undefined>;
  /** Stores a head durably. A head that was cosigned must not be forgotten. */
  set(origin: string, head: StoredHead): Promise<void>;
}

/** A head that was cosigned. */
export interface StoredHead {
  readonly size: number;
  readonly root: Buffer;
}

/** A response of a witness. */
export interface WitnessResponse {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly type: 'text/plain; charset=utf-8' | typeof SIZE_TYPE;
  readonly body: string;
}

/** The media type of the size of the head that a witness has cosigned. */
export const SIZE_TYPE = 'text/x.tlog.size';

const MAX_PROOF_LINES = 63;

/** A request to cosign a head. */
export interface AddCheckpoint {
  /** The size of the head that the witness has cosigned before, 0 for none. */
  readonly old: number;
  readonly proof: readonly Buffer[];
  /** The signed note of the head. */
  readonly note: string;
}

/** Returns the body of a request to a witness. */
export function addCheckpointBody({ old, proof, note }: AddCheckpoint): string {
  const lines = [`old ${old}`, ...proof.map((hash) => hash.toString('base64'))];
  return `${lines.join('\n')}\n\n${note}`;
}

/** Cosigns heads of the logs that it was configured with. */
export class Witness {
  /** The end of the latest request. Requests run one after the other: compare and store are one step. */
  private latest: Promise<unknown> = Promise.resolve();

  /** @param signer the key of the witness */
  constructor(
    private readonly signer: LogSigner,
    private readonly logs: readonly NoteVerifier[],
    private readonly state: WitnessState,
    private readonly now: () => number = () => Math.floor(Date.now() / 1000),
  ) {}

  /** Handles the body of a request. */
  addCheckpoint(body: Uint8Array): Promise<WitnessResponse> {
    const response = this.latest.then(
      () => this.handle(body),
      () => this.handle(body),
    );
    this.latest = response;
    return response;
  }

  private async handle(body: Uint8Array): Promise<WitnessResponse> {
    try {
      return await this.cosign(parseBody(body));
    } catch (error) {
      if (error instanceof FormatError) return refusal(400, error.message);
      throw error;
    }
  }

  private async cosign({ old, proof, note, head }: ParsedBody): Promise<WitnessResponse> {
    const keys = this.logs.filter(({ name }) => name === head.origin);
    if (keys.length === 0) return refusal(404, 'the origin of the checkpoint is unknown');
    if (!isSigned(note, keys)) return refusal(403, 'no key of the log has signed the checkpoint');
    if (old > head.size) return refusal(400, 'the old size is larger than the checkpoint');
    const known = (await this.state.get(head.origin)) ?? { size: 0, root: EMPTY_ROOT };
    if (old !== known.size) return { status: 409, type: SIZE_TYPE, body: `${known.size}\n` };
    if (old === head.size && !known.root.equals(head.root)) {
      return refusal(409, 'the checkpoint has another root at the same size');
    }
    const extension = { from: old, fromRoot: known.root, to: head.size, toRoot: head.root, proof };
    if (!isConsistent(extension)) return refusal(422, 'the checkpoint does not extend the old one');
    const cosignature = await cosignText(note.text, this.now(), this.signer);
    await this.state.set(head.origin, head);
    return { status: 200, type: 'text/plain; charset=utf-8', body: cosignature };
  }
}

interface ParsedBody {
  old: number;
  proof: Buffer[];
  note: Note;
  head: Checkpoint;
}

function parseBody(body: Uint8Array): ParsedBody {
  const text = decodeUtf8(body);
  const end = text.indexOf('\n\n');
  const [first = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\n');
  if (!first.startsWith('old ')) throw new FormatError('the body does not begin with "old <size>"');
  if (lines.length > MAX_PROOF_LINES) throw new FormatError('the proof has too many lines');
  const proof = lines.map(decodeBase64);
  if (proof.some(({ length }) => length !== HASH_BYTES)) {
    throw new FormatError('a line of the proof is not a hash');
  }
  const note = parseNote(text.slice(end + 2));
  return {
    old: parseDecimal(first.slice('old '.length)),
    proof,
    note,
    head: parseCheckpoint(note.text),
  };
}

function isSigned(note: Note, keys: readonly NoteVerifier[]): boolean {
  try {
    return verifyNote(note, keys).length > 0;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

function refusal(status: WitnessResponse['status'], message: string): WitnessResponse {
  return { status, type: 'text/plain; charset=utf-8', body: `${message}\n` };
}
