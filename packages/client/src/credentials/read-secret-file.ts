import { CredentialsError } from '../errors.js';

/**
 * Reads a file that contains one secret, without white space around it.
 *
 * @throws CredentialsError `mesh.token_unreadable` if the file is missing, empty, or cannot be read
 */
export function readSecretFile(path: string): string {
  const secret = textOfFile(path).trim();
  if (secret === '') throw unreadable(`The file ${path} is empty.`);
  return secret;
}

function textOfFile(path: string): string {
  // Without an import of node:fs, so that bundlers for browsers accept this package.
  const fs = typeof process === 'undefined' ? undefined : process.getBuiltinModule('node:fs');
  if (fs === undefined) throw unreadable('Files can be read in Node.js only.');
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown error';
    throw unreadable(`The file ${path} cannot be read: ${reason}`, error);
  }
}

function unreadable(message: string, cause?: unknown): CredentialsError {
  return new CredentialsError('mesh.token_unreadable', message, { cause });
}
