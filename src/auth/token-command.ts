/** `npm run token -- finance`: prints a development token, and nothing else, to standard output. */
import { loadEnvironment } from '../config/load-environment.js';
import { developmentToken } from './development-token.js';
import { signingSecret } from './signing-secret.js';
import { tokenArguments } from './token-arguments.js';

const USAGE = 'usage: npm run token -- <role> [more roles] [--sub name] [--expires 8h] [--human]';

function token(args: readonly string[]): string {
  const environment = loadEnvironment();
  if (environment.NODE_ENV === 'production') {
    throw new Error('development tokens are not available with NODE_ENV=production');
  }
  if (environment.OIDC_JWKS_URL.length > 0) {
    throw new Error('OIDC_JWKS_URL is set: get a token from the identity provider, or unset it');
  }
  const claims = tokenArguments(args, environment);
  return developmentToken(signingSecret(environment), claims);
}

try {
  process.stdout.write(`${token(process.argv.slice(2))}\n`);
} catch (error) {
  const reason = error instanceof Error ? error.message.replaceAll('\n', ' ') : 'failed';
  process.stderr.write(`token: ${reason} (${USAGE})\n`);
  process.exitCode = 1;
}
