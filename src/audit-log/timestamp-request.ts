import { hash, randomBytes } from 'node:crypto';

/** Requests and responses of time stamping authorities (RFC 3161), as far as an anchor needs them. */

/** SEQUENCE { version 1, SEQUENCE { SEQUENCE { SHA-256, NULL }, OCTET STRING of 32 bytes … */
const BEFORE_DIGEST = '020101' + '3031' + '300d' + '0609608648016503040201' + '0500' + '0420';
/** … INTEGER of 8 bytes … */
const BEFORE_NONCE = '0208';
/** … certReq TRUE }. */
const CERTIFICATES = '0101ff';

/** Returns a request of a time stamp over a text, in DER. It asks for the certificate of the authority. */
export function timestampRequest(text: string): Buffer {
  const nonce = randomBytes(8);
  // Positive, and without a leading zero byte, which DER forbids.
  nonce[0] = ((nonce[0] ?? 0) & 0x3f) | 0x40;
  const body = Buffer.concat([
    Buffer.from(BEFORE_DIGEST, 'hex'),
    hash('sha256', text, 'buffer'),
    Buffer.from(BEFORE_NONCE, 'hex'),
    nonce,
    Buffer.from(CERTIFICATES, 'hex'),
  ]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/**
 * Asserts that a response grants a time stamp over the digest and the nonce of a request. Does not verify its signature:
 * the users of the stamp decide which authority to trust.
 *
 * @throws Error
 */
export function assertGranted(response: Buffer, request: Buffer): void {
  const body = response.subarray(headerLength(response));
  const status = body.subarray(headerLength(body));
  // SEQUENCE { SEQUENCE { INTEGER status … }, the token }
  const isGranted =
    response[0] === 0x30 && body[0] === 0x30 && status[0] === 0x02 && status[1] === 1;
  if (!isGranted || (status[2] ?? 2) > 1)
    throw new Error('The authority did not grant a time stamp');
  const digest = request.subarray(2 + BEFORE_DIGEST.length / 2).subarray(0, 32);
  const nonce = request.subarray(-CERTIFICATES.length / 2 - 10, -CERTIFICATES.length / 2);
  if (response.includes(digest) && response.includes(nonce)) return;
  throw new Error('The time stamp is not of this head');
}

/** Returns the number of bytes before the content of a DER element. */
function headerLength(der: Buffer): number {
  const length = der[1] ?? 0;
  return length < 0x80 ? 2 : 2 + (length & 0x7f);
}
