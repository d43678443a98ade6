import { readFile } from 'node:fs/promises';
import { isRecord } from '../common/is-record.js';
import { fetchInSpan } from '../observability/client-span.js';
import { explainFailure, readLimitedAnswer } from './outgoing-answer.js';
import { type SigningKey, SigningError } from './signing-key.js';

const TIMEOUT_MS = 10_000;

/** The token of a signer: a value, or a file, which is read for each signature so that a rotated token needs no restart. */
export interface SignerToken {
  readonly value: string | undefined;
  readonly file: string | undefined;
}

/** A key behind a URL that responds like Transit of HashiCorp Vault: `{input}` in base64 to `vault:v1:<base64>`. */
export function transitKey(
  url: string,
  token: SignerToken,
  publicKey: Buffer,
  timeoutMs = TIMEOUT_MS,
): SigningKey {
  return {
    publicKey,
    async sign(bytes) {
      const response = await post(url, await readToken(token), bytes, timeoutMs);
      const { status, ok } = response;
      if (!ok) throw new SigningError(`AUDIT_SIGNER_URL responded with ${status}${hintOf(status)}`);
      return signatureOf(parseAnswer(await readAnswer(response)));
    },
  };
}

async function post(
  url: string,
  token: string | undefined,
  bytes: Buffer,
  timeoutMs: number,
): Promise<Response> {
  try {
    return await fetchInSpan(url, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}`, 'x-vault-token': token }),
      },
      body: JSON.stringify({ input: bytes.toString('base64') }),
    });
  } catch (error) {
    throw unreachable(error);
  }
}

async function readAnswer(response: Response): Promise<string> {
  try {
    return (await readLimitedAnswer(response)).toString('utf8');
  } catch (error) {
    throw unreachable(error);
  }
}

function unreachable(error: unknown): SigningError {
  return new SigningError(`AUDIT_SIGNER_URL does not respond. ${explainFailure(error)}`, {
    cause: error,
  });
}

async function readToken({ value, file }: SignerToken): Promise<string | undefined> {
  if (file === undefined) return value;
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new SigningError('AUDIT_SIGNER_TOKEN_FILE cannot be read', { cause: error });
  }
}

function hintOf(status: number): string {
  return status === 401 || status === 403 ? ': check AUDIT_SIGNER_TOKEN and its policy' : '';
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function signatureOf(body: unknown): Buffer {
  const data = isRecord(body) ? body.data : undefined;
  const signature = isRecord(data) ? data.signature : undefined;
  const [, encoded] =
    (typeof signature === 'string' && /^vault:v\d+:([A-Za-z0-9+/]+=*)$/.exec(signature)) || [];
  if (encoded === undefined)
    throw new SigningError('AUDIT_SIGNER_URL did not respond with a signature');
  return Buffer.from(encoded, 'base64');
}
