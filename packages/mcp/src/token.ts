import { readFileSync } from 'node:fs';
import { clientCredentials, CredentialsError, type TokenProvider } from '@agent-mesh/client';
import { isToken, type TokenSource } from './environment.js';

/**
 * Returns the provider of the token of the agent.
 *
 * @throws CredentialsError if the client credentials are not valid
 */
export function tokenProvider(source: TokenSource): TokenProvider {
  switch (source.kind) {
    case 'token':
      return () => source.token;
    case 'file':
      return () => tokenFrom(source.file);
    case 'client':
      return clientCredentials(source);
  }
}

/**
 * Reads a token from a file and trims white space. It does not name the file, because a model receives the error.
 *
 * @throws CredentialsError if the file cannot be read or contains no token
 */
export function tokenFrom(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw unreadable('MESH_JWT_TOKEN_FILE cannot be read', cause);
  }
  if (isToken(token)) return token;
  throw unreadable('MESH_JWT_TOKEN_FILE must hold a token: visible characters, no spaces');
}

function unreadable(message: string, cause?: unknown): CredentialsError {
  return new CredentialsError('mesh.token_unreadable', message, { cause });
}
