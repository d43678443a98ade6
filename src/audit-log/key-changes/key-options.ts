import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FormatError } from '../../../packages/verify/src/encoding.js';
import { ED25519, type NoteVerifier, parseVerifierKey } from '../../../packages/verify/src/note.js';
import { isLoopback } from '../../common/loopback.js';
import { UsageError } from '../../common/usage-error.js';
import { parseSigningKey } from '../../config/audit-signing-key.js';
import { messageOf } from '../../errors/error-text.js';
import { localKey, type SigningKey, verifiedKey } from '../signing-key.js';
import { type SignerToken, transitKey } from '../transit-key.js';

export const KEYS_USAGE = `npm run audit:keys -- list
       npm run audit:keys -- rotate (--new-key FILE | --new-signer URL --new-signer-key VKEY)
       npm run audit:keys -- revoke VKEY --good-until SIZE`;

/** What the operator asks of `npm run audit:keys`. */
export type KeyCommand =
  | { readonly kind: 'list' }
  | { readonly kind: 'rotate'; readonly next: SigningKey }
  | { readonly kind: 'revoke'; readonly vkey: string; readonly goodUntil: number };

/**
 * Reads the arguments of the command, and the file of the new key.
 *
 * @param token the token of a remote signer
 * @throws UsageError
 */
export function keyCommandOf(args: readonly string[], token: SignerToken): KeyCommand {
  const { values, positionals } = parse(args);
  const [kind, vkey, ...more] = positionals;
  const given = Object.keys(values).sort().join();
  if (kind === 'list' && positionals.length === 1 && given === '') return { kind };
  if (kind === 'rotate' && positionals.length === 1) return { kind, next: newKeyOf(values, token) };
  if (kind === 'revoke' && vkey !== undefined && more.length === 0 && given === 'good-until') {
    verifierOf('VKEY', vkey);
    return { kind, vkey, goodUntil: sizeOf(values['good-until']) };
  }
  throw new UsageError('list, rotate or revoke is required, with its options');
}

interface Values {
  'new-key'?: string;
  'new-signer'?: string;
  'new-signer-key'?: string;
  'good-until'?: string;
}

function parse(args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'new-key': { type: 'string' },
        'new-signer': { type: 'string' },
        'new-signer-key': { type: 'string' },
        'good-until': { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function newKeyOf(values: Values, token: SignerToken): SigningKey {
  const { 'new-key': file, 'new-signer': url, 'new-signer-key': vkey } = values;
  if (values['good-until'] !== undefined) throw new UsageError('--good-until is for revoke');
  if (file !== undefined && url === undefined && vkey === undefined) return readKey(file);
  if (file === undefined && url !== undefined && vkey !== undefined) {
    const { publicKey } = verifierOf('--new-signer-key', vkey);
    return verifiedKey(transitKey(signerUrl(url), token, publicKey));
  }
  throw new UsageError('--new-key, or --new-signer with --new-signer-key, is required');
}

function readKey(file: string): SigningKey {
  const pem = readPem(file);
  try {
    return localKey(parseSigningKey(pem));
  } catch {
    // The message of the parser names a variable.
    throw new UsageError('--new-key must be a file with a private Ed25519 key in PEM (PKCS #8)');
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new UsageError(`--new-key: the file ${file} cannot be read`);
  }
}

function signerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (isSafe) return text;
  throw new UsageError('--new-signer must be an https URL');
}

function verifierOf(option: string, vkey: string): NoteVerifier {
  try {
    const verifier = parseVerifierKey(vkey);
    if (verifier.type === ED25519) return verifier;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  throw new UsageError(`${option} must be a verifier key of a log: <name>+<key id>+<base64>`);
}

function sizeOf(text: string | undefined): number {
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError('--good-until must be a number of entries');
}
