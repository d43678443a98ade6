import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import type { PostgresTls } from '../config/postgres-url.js';
import { ConnectError } from './connect-error.js';
import { codeOf } from '../errors/error-text.js';

/**
 * Reads the TLS files of a URL and returns the options of the connection. Each connection reads them again, so a rotated
 * certificate needs no restart.
 *
 * @throws ConnectError if a file cannot be read or does not contain what its parameter names
 */
export function tlsOptions(tls: PostgresTls, variable: string): ConnectionOptions {
  const read = (parameter: string, path: string): string =>
    readPem(path, `${parameter} of ${variable}`);
  const options: ConnectionOptions = {
    rejectUnauthorized: tls.isVerified,
    ...(tls.rootCertFile !== undefined && { ca: read('sslrootcert', tls.rootCertFile) }),
    ...(tls.certFile !== undefined && { cert: read('sslcert', tls.certFile) }),
    ...(tls.keyFile !== undefined && { key: read('sslkey', tls.keyFile) }),
    ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
    ...(!tls.isHostChecked && { checkServerIdentity: () => undefined }),
  };
  check(`sslrootcert of ${variable} has no certificate in PEM format`, () => {
    if (typeof options.ca === 'string') new X509Certificate(options.ca);
  });
  check(`sslcert and sslkey of ${variable} are no certificate with its key in PEM format`, () => {
    createSecureContext(options);
  });
  return options;
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConnectError(
      `The file of ${what} cannot be read (${codeOf(error) ?? 'unknown reason'}).`,
      'tls_failed',
      error,
    );
  }
}

function check(problem: string, parse: () => void): void {
  try {
    parse();
  } catch (error) {
    throw new ConnectError(`The file of ${problem}.`, 'tls_failed', error);
  }
}
