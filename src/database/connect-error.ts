import pg from 'pg';
import { codeOf, messageOf } from '../errors/error-text.js';

/**
 * A connection to the database cannot be opened. The message contains the cause and, if the configuration has to change,
 * the variable.
 */
export class ConnectError extends Error {
  readonly code?: string;

  /** @param reason undefined if only the cause shows it */
  constructor(
    message: string,
    readonly reason?: ConnectReason,
    cause?: unknown,
  ) {
    super(message, { cause });
    const code = codeOf(cause);
    if (code !== undefined) this.code = code;
  }
}

type ConnectReason = 'login_failed' | 'read_only' | 'tls_failed' | 'url_invalid';

/** Errors of the verification of a certificate, by OpenSSL. */
const UNTRUSTED = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'INVALID_CA',
  'CERT_SIGNATURE_FAILURE',
]);

/**
 * Converts the failure to open a connection. An error of PostgreSQL or of the socket stays, because its code names the
 * cause; any other error of the driver or of TLS becomes a {@link ConnectError}.
 *
 * @param variable the variable with the URL of the database
 */
export function connectErrorOf(error: unknown, variable: string): unknown {
  if (error instanceof pg.DatabaseError || error instanceof ConnectError) return error;
  const code = codeOf(error) ?? '';
  const message = messageOf(error);
  if (UNTRUSTED.has(code)) {
    return new ConnectError(
      `The certificate of the database is not trusted: set sslrootcert in ${variable} to the file of its certificate authority, or NODE_EXTRA_CA_CERTS. ${message}`,
      'tls_failed',
      error,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new ConnectError(
      `The certificate of the database names another host than ${variable}. ${message}`,
      'tls_failed',
      error,
    );
  }
  if (code.startsWith('CERT_')) {
    return new ConnectError(
      `The certificate of the database is not valid. ${message}`,
      'tls_failed',
      error,
    );
  }
  if (/^ERR_(SSL|OSSL)|^EPROTO$/.test(code)) {
    return new ConnectError(
      `TLS to the database failed: check the certificates in ${variable} and pg_hba.conf. ${message}`,
      'tls_failed',
      error,
    );
  }
  if (message.startsWith('SASL')) {
    return new ConnectError(
      `The login failed: check the password in ${variable}. ${message}`,
      'login_failed',
      error,
    );
  }
  if (message === 'The server does not support SSL connections') {
    return new ConnectError(
      `The database has no TLS: check sslmode in ${variable}. ${message}.`,
      'tls_failed',
      error,
    );
  }
  return code === '' ? new ConnectError(message, undefined, error) : error;
}
