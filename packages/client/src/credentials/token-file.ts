import { readSecretFile } from './read-secret-file.js';
import type { TokenProvider } from './token-provider.js';

/**
 * Returns a provider of the token in a file, for example a projected token of Kubernetes. The file is read again for each
 * request, so a renewed token is used at once.
 */
export function tokenFile(path: string): TokenProvider {
  return () => readSecretFile(path);
}
