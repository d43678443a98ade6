import { parseArgs } from 'node:util';
import type { Environment } from '../config/environment.js';
import type { DevelopmentClaims } from './development-token.js';
import { NAME, toNfc } from '../common/names.js';
import { usableRoles } from './roles.js';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const MAX_SECONDS = 365 * 86_400;

/**
 * Parses `<role> [more roles] [--sub name] [--expires 8h] [--human]`.
 *
 * @throws Error with a message of one line
 */
export function tokenArguments(
  args: readonly string[],
  environment: Environment,
): DevelopmentClaims {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      sub: { type: 'string' },
      expires: { type: 'string', default: '8h' },
      human: { type: 'boolean' },
    },
  });
  const roles = positionals.map(toNfc);
  if (roles.length === 0) throw new Error('name at least one role');
  const areNames = roles.every((role) => NAME.test(role));
  if (!areNames || usableRoles(roles, environment.ROLES).length < roles.length) {
    throw new Error(
      'the roles must be valid, different, listed in ROLES if it is set, and not "system"',
    );
  }
  if (values.sub !== undefined && !/^\P{Cc}{1,255}$/u.test(values.sub)) {
    throw new Error('--sub must have 1 to 255 characters without control characters');
  }
  return {
    roles,
    sub: values.sub,
    expiresInSeconds: seconds(values.expires),
    issuer: environment.OIDC_ISSUER_URL[0],
    audience: environment.OIDC_AUDIENCE[0],
    human: values.human,
  };
}

function seconds(duration: string): number {
  const [, count, unit] = /^(\d{1,8})([smhd])$/.exec(duration) ?? [];
  const result = Number(count) * (SECONDS[unit ?? ''] ?? NaN);
  if (!(result > 0 && result <= MAX_SECONDS)) {
    throw new Error('--expires must be a duration of at most 365d, such as 90s, 30m, 8h or 7d');
  }
  return result;
}
