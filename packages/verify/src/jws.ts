import { verify } from 'node:crypto';
import { decodeBase64Url, decodeUtf8, FormatError, sha256 } from './encoding.js';
import { canonicalJson, hasExactly, type JsonObject, isObject, parseJson } from './json.js';
import { type LogSigner, type NoteVerifier, parseVerifierKey } from './note.js';

/** Compact JWS (RFC 7515) with Ed25519 (RFC 8037). */

/** Names of the algorithm: RFC 8037, and RFC 9864, which deprecates the former. */
const ALGORITHMS = ['EdDSA', 'Ed25519'];

const SIGNATURE_BYTES = 64;

/** Returns the public key as a JWK (RFC 8037). */
export function toJwk(publicKey: Buffer): { kty: 'OKP'; crv: 'Ed25519'; x: string } {
  return { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') };
}

/** Returns the thumbprint of a public key (RFC 7638). */
export function thumbprint(publicKey: Buffer): string {
  return sha256(canonicalJson(toJwk(publicKey))).toString('base64url');
}

/** Signs a payload. The `kid` of the header is the thumbprint of the key. */
export async function signJws(
  payload: JsonObject,
  typ: string,
  signer: LogSigner,
): Promise<string> {
  const { publicKey } = parseVerifierKey(signer.vkey);
  const header = { alg: 'EdDSA', kid: thumbprint(publicKey), typ };
  const input = [header, payload]
    .map((part) => Buffer.from(canonicalJson(part)).toString('base64url'))
    .join('.');
  const signature = await signer.sign(Buffer.from(input));
  return `${input}.${signature.toString('base64url')}`;
}

/**
 * Verifies a compact JWS and returns its payload.
 *
 * @throws FormatError if it is not one of this type, or not signed by the key
 */
export function verifyJws(jws: string, typ: string, { key, publicKey }: NoteVerifier): JsonObject {
  const [header = '', payload = '', signature = '', ...rest] = jws.split('.');
  if (rest.length > 0) throw new FormatError('the statement is not a compact JWS');
  assertHeader(parseMember(header), typ, thumbprint(publicKey));
  const bytes = decodeBase64Url(signature);
  const isSigned =
    bytes.length === SIGNATURE_BYTES &&
    verify(null, Buffer.from(`${header}.${payload}`), key, bytes);
  if (!isSigned) throw new FormatError('the signature of the statement does not verify');
  return parseMember(payload);
}

/** Exactly three members, so also no `crit`. */
function assertHeader(header: JsonObject, typ: string, kid: string): void {
  const { alg } = header;
  if (!hasExactly(header, ['alg', 'kid', 'typ']) || header.typ !== typ) {
    throw new FormatError(`the header of the statement is not that of ${typ}`);
  }
  if (typeof alg !== 'string' || !ALGORITHMS.includes(alg)) {
    throw new FormatError('the algorithm of the statement is not EdDSA');
  }
  if (header.kid !== kid) throw new FormatError('another key signed the statement');
}

function parseMember(encoded: string): JsonObject {
  const value = parseJson(decodeUtf8(decodeBase64Url(encoded)));
  if (!isObject(value)) throw new FormatError('a part of the statement is not a JSON object');
  return value;
}
