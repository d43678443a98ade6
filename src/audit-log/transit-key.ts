import { isRecord } from '../common/is-record.js';
import { fetchInSpan } from '../observability/client-span.js';
import type { SigningKey } from './signing-key.js';

const TIMEOUT_MS = 10_000;

/** A key behind a URL that responds like Transit of HashiCorp Vault: `{input}` in base64 to `vault:v1:<base64>`. */
export function transitKey(url: string, token: string | undefined, publicKey: Buffer): SigningKey {
  return {
    publicKey,
    async sign(bytes) {
      const response = await fetchInSpan(url, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && {
            authorization: `Bearer ${token}`,
            'x-vault-token': token,
          }),
        },
        body: JSON.stringify({ input: bytes.toString('base64') }),
      });
      const body: unknown = await response.json().catch(() => undefined);
      if (!response.ok) throw new Error(`AUDIT_SIGNER_URL responded with ${response.status}`);
      return signatureOf(body);
    },
  };
}

function signatureOf(body: unknown): Buffer {
  const data = isRecord(body) ? body.data : undefined;
  const signature = isRecord(data) ? data.signature : undefined;
  const [, encoded] =
    (typeof signature === 'string' && /^vault:v\d+:([A-Za-z0-9+/]+=*)$/.exec(signature)) || [];
  if (encoded === undefined) throw new Error('AUDIT_SIGNER_URL did not respond with a signature');
  return Buffer.from(encoded, 'base64');
}
