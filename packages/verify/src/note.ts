import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { decodeBase64, decodeUtf8, FormatError, parseDecimal, sha256 } from './encoding.js';
import { HASH_BYTES } from './tree.js';

/** Signed notes (C2SP signed-note), checkpoints (C2SP tlog-checkpoint) and cosignatures (C2SP tlog-cosignature). */

/** An Ed25519 signature over the text of a note. */
export const ED25519 = 0x01;

/** An Ed25519 signature over the text of a note and a time: `cosignature/v1`. */
export const COSIGNATURE = 0x04;

/** A public key that verifies signatures of one name and type. */
export interface NoteVerifier {
  readonly name: string;
  /** Four bytes, in hexadecimal. */
  readonly keyId: string;
  readonly type: typeof ED25519 | typeof COSIGNATURE;
  readonly key: KeyObject;
  /** The 32 bytes of the public key. */
  readonly publicKey: Buffer;
  /** The text form: `<name>+<key id>+<base64 of type and key>`. */
  readonly vkey: string;
}

/** A key that signs. Its `vkey` has the type {@link ED25519}; `sign` returns 64 bytes. */
export interface LogSigner {
  readonly vkey: string;
  sign(bytes: Buffer): Promise<Buffer>;
}

/** A line below a note. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Buffer;
}

/** A note whose signatures are not verified. */
export interface Note {
  /** With the final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A signature that verifies. */
export interface VerifiedSignature {
  readonly verifier: NoteVerifier;
  /** The time of a cosignature, in seconds since 1970. */
  readonly time: number | undefined;
}

/** The head of a log. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

const MAX_SIGNATURES = 100;
const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;
const KEY_ID_BYTES = 4;

/** The bytes before the 32 bytes of a public key in its SPKI form (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Returns the 32 bytes of the public key of an Ed25519 key. */
export function rawPublicKey(key: KeyObject): Buffer {
  if (key.asymmetricKeyType !== 'ed25519') throw new FormatError('not an Ed25519 key');
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length);
}

/** Returns a signer with a private key in memory. */
export function keySigner(name: string, privateKey: KeyObject): LogSigner {
  const { vkey } = noteVerifier(name, rawPublicKey(privateKey));
  return { vkey, sign: (bytes) => Promise.resolve(sign(null, bytes, privateKey)) };
}

/** Returns the verifier of a name and the 32 bytes of a public key. */
export function noteVerifier(
  name: string,
  publicKey: Buffer,
  type: NoteVerifier['type'] = ED25519,
): NoteVerifier {
  if (!isKeyName(name)) throw new FormatError('the name of the key is empty, or has a space or +');
  if (publicKey.length !== HASH_BYTES) throw new FormatError('the public key has not 32 bytes');
  const spki = Buffer.concat([SPKI_PREFIX, publicKey]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verifierOf(name, publicKey, key, type);
}

/**
 * Reads a verifier key: `<name>+<key id>+<base64 of type and key>`.
 *
 * @throws FormatError if it is not one, or its key id belongs to another key
 */
export function parseVerifierKey(vkey: string): NoteVerifier {
  const [, name = '', keyId, encoded = ''] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(vkey) ?? [];
  if (keyId === undefined) throw new FormatError('not a verifier key (<name>+<key id>+<base64>)');
  const material = decodeBase64(encoded);
  const type = material[0];
  if (type !== ED25519 && type !== COSIGNATURE) {
    throw new FormatError('the type of the verifier key is neither Ed25519 nor cosignature/v1');
  }
  const verifier = noteVerifier(name, material.subarray(1), type);
  if (verifier.keyId !== keyId) throw new FormatError('the key id does not match the verifier key');
  return verifier;
}

/** Returns the verifier of the cosignatures that the same key makes. */
export function cosignatureVerifier({ name, publicKey, key }: NoteVerifier): NoteVerifier {
  return verifierOf(name, publicKey, key, COSIGNATURE);
}

/**
 * Reads a note without verifying it.
 *
 * @throws FormatError if it is not a note in every byte
 */
export function parseNote(note: string | Uint8Array): Note {
  const text = typeof note === 'string' ? note : decodeUtf8(note);
  if (CONTROL.test(text)) throw new FormatError('the note contains a control character');
  const end = text.lastIndexOf('\n\n');
  if (end < 0) throw new FormatError('the note has no signatures');
  const lines = text.slice(end + 2).split('\n');
  if (lines.pop() !== '') throw new FormatError('the note does not end with a newline');
  if (lines.length === 0) throw new FormatError('the note has no signatures');
  if (lines.length > MAX_SIGNATURES) throw new FormatError('the note has too many signatures');
  return { text: text.slice(0, end + 1), signatures: lines.map(parseSignature) };
}

/**
 * Returns the signatures of a note by these keys. Signatures of other keys are ignored, as C2SP signed-note requires.
 *
 * @throws FormatError if a signature of a known key does not verify
 */
export function verifyNote(
  { text, signatures }: Note,
  verifiers: readonly NoteVerifier[],
): VerifiedSignature[] {
  return signatures.flatMap((signature) => {
    const verifier = verifiers.find(
      ({ name, keyId }) => name === signature.name && keyId === signature.keyId,
    );
    return verifier ? [verifySignature(text, signature, verifier)] : [];
  });
}

/** Returns the line of a signature of a note. */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  const bytes = Buffer.concat([Buffer.from(keyId, 'hex'), signature]);
  return `— ${name} ${bytes.toString('base64')}\n`;
}

/** Signs the text of a note. Returns the line of the signature. */
export async function signText(text: string, signer: LogSigner): Promise<string> {
  const { name, keyId } = parseVerifierKey(signer.vkey);
  return signatureLine({ name, keyId, signature: await signer.sign(Buffer.from(text)) });
}

/**
 * Signs the text of a checkpoint and the time. Returns the line of the signature.
 *
 * @param time in seconds since 1970
 */
export async function cosignText(text: string, time: number, signer: LogSigner): Promise<string> {
  const { name, keyId } = cosignatureVerifier(parseVerifierKey(signer.vkey));
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeBigUInt64BE(BigInt(time));
  const signed = await signer.sign(Buffer.from(cosignedText(text, time)));
  return signatureLine({ name, keyId, signature: Buffer.concat([bytes, signed]) });
}

/**
 * Signs a head as a log does: its text, and its text with the time. While the key of a log changes, two keys sign.
 *
 * @param time in seconds since 1970
 */
export async function signCheckpoint(
  checkpoint: Checkpoint,
  time: number,
  ...signers: readonly LogSigner[]
): Promise<string> {
  const text = checkpointText(checkpoint);
  const lines: string[] = [];
  for (const signer of signers) {
    lines.push(await signText(text, signer), await cosignText(text, time, signer));
  }
  return `${text}\n${lines.join('')}`;
}

/** Returns the text of a checkpoint, without signatures. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/**
 * Reads the text of a checkpoint. Lines after the third are extensions, which no rule here uses.
 *
 * @throws FormatError if it is not the text of a checkpoint
 */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.length < 3 || lines.includes('')) {
    throw new FormatError('the checkpoint has not three lines');
  }
  const [origin = '', size = '', encoded = ''] = lines;
  const root = decodeBase64(encoded);
  if (root.length !== HASH_BYTES) throw new FormatError('the root of the checkpoint is not a hash');
  return { origin, size: parseDecimal(size), root };
}

function verifierOf(
  name: string,
  publicKey: Buffer,
  key: KeyObject,
  type: NoteVerifier['type'],
): NoteVerifier {
  const material = Buffer.concat([Buffer.of(type), publicKey]);
  const keyId = sha256(Buffer.concat([Buffer.from(`${name}\n`), material]))
    .subarray(0, KEY_ID_BYTES)
    .toString('hex');
  const vkey = `${name}+${keyId}+${material.toString('base64')}`;
  return { name, keyId, type, key, publicKey, vkey };
}

// eslint-disable-next-line no-control-regex -- the format forbids them
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

function parseSignature(line: string): NoteSignature {
  const [, name = '', encoded = ''] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
  if (!isKeyName(name)) throw new FormatError('a line below the note is not a signature');
  const bytes = decodeBase64(encoded);
  if (bytes.length <= KEY_ID_BYTES) throw new FormatError('a signature of the note is too short');
  return {
    name,
    keyId: bytes.subarray(0, KEY_ID_BYTES).toString('hex'),
    signature: bytes.subarray(KEY_ID_BYTES),
  };
}

function verifySignature(
  text: string,
  { signature }: NoteSignature,
  verifier: NoteVerifier,
): VerifiedSignature {
  const isTimed = verifier.type === COSIGNATURE;
  const bytes = isTimed ? signature.subarray(TIME_BYTES) : signature;
  if (bytes.length !== SIGNATURE_BYTES) throw invalidSignature(verifier);
  const time = isTimed ? Number(signature.readBigUInt64BE()) : undefined;
  const signed = time === undefined ? text : cosignedText(text, time);
  if (time !== undefined && !Number.isSafeInteger(time)) throw invalidSignature(verifier);
  if (!verify(null, Buffer.from(signed), verifier.key, bytes)) throw invalidSignature(verifier);
  return { verifier, time };
}

function invalidSignature({ name, keyId }: NoteVerifier): FormatError {
  return new FormatError(`the signature of ${name} (key ${keyId}) does not verify`);
}

function cosignedText(text: string, time: number): string {
  return `cosignature/v1\ntime ${time}\n${text}`;
}

function isKeyName(name: string): boolean {
  return /^[^\s\u0085+]+$/u.test(name);
}
