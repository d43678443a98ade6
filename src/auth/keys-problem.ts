import { codeOf, messageOf } from '../errors/error-text.js';

/** Why the signing keys of the identity provider cannot be read. */
export const KEYS_PROBLEMS = ['unreachable', 'certificate_untrusted', 'bad_response'] as const;

export type KeysProblem = (typeof KEYS_PROBLEMS)[number];

/** The response to the request for the keys is not a key set. */
export class KeysResponseError extends Error {}

/** Returns why a read of the keys failed. */
export function keysProblemOf(error: unknown): KeysProblem {
  if (error instanceof KeysResponseError) return 'bad_response';
  return isCertificateCode(codeOf(rootOf(error))) ? 'certificate_untrusted' : 'unreachable';
}

/** Describes the failure of a read of the keys for the log, with its cause and, if there is one, the fix. */
export function explainKeysProblem(error: unknown): string {
  const root = rootOf(error);
  const messages = root === error ? [messageOf(error)] : [messageOf(error), messageOf(root)];
  const advice =
    keysProblemOf(error) === 'certificate_untrusted'
      ? '. Set NODE_EXTRA_CA_CERTS to the file of the certificate authority'
      : '';
  return `${messages.join(': ')}${advice}`;
}

/** `fetch` wraps the error of the connection. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootOf(error.cause) : error;
}

/** OpenSSL's codes of certificates that are not trusted, have expired or name another host. */
function isCertificateCode(code = ''): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|INVALID_CA/.test(code);
}
