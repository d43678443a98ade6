import { constants, createHmac, type KeyObject, sign } from 'node:crypto';

export type Json = Record<string, unknown>;

/** A JWT made by hand (RFC 7515 section 3.1), so that a test may write what no library would. */
export function signedToken(header: Json, payload: unknown, key?: KeyObject | string): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${key === undefined ? '' : signature(header['alg'], input, key)}`;
}

/** The same token with other claims under the old signature. */
export function tampered(token: string, claims: Json): string {
  const [header = '', payload = '', mac = ''] = token.split('.');
  const before: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return `${header}.${encoded(Object.assign({}, before, claims))}.${mac}`;
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signature(algorithm: unknown, input: string, key: KeyObject | string): string {
  if (algorithm === 'HS256' || typeof key === 'string') {
    return createHmac('sha256', key).update(input).digest('base64url');
  }
  const padding =
    algorithm === 'PS256'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {};
  const options = { key, dsaEncoding: 'ieee-p1363', ...padding } as const;
  return sign('sha256', Buffer.from(input), options).toString('base64url');
}
