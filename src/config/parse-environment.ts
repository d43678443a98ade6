import { Environment } from './environment.js';
import { ENVIRONMENT_RULES, type EnvironmentRule } from './environment-rules.js';
import { parsePostgresUrl, PostgresUrlError } from './postgres-url.js';
import { validated, type Variables } from './validated.js';

/**
 * Validates variables and converts them into a frozen {@link Environment}. An empty variable counts as not set.
 *
 * @param rules rules for combinations of variables; a tool other than the controller passes only those it requires
 * @throws EnvironmentError
 */
export function parseEnvironment(
  variables: Variables,
  rules: readonly EnvironmentRule[] = ENVIRONMENT_RULES,
): Environment {
  return validated(Environment, variables, (environment) => [
    ...databaseUrlProblems(environment),
    ...rules.flatMap((rule) => rule(environment)),
  ]);
}

function databaseUrlProblems(environment: Environment): string[] {
  return (['DATABASE_URL', 'DATABASE_DIRECT_URL', 'DATABASE_READ_URL'] as const).flatMap((name) => {
    const url = environment[name];
    if (url === undefined) return [];
    try {
      parsePostgresUrl(url, name === 'DATABASE_READ_URL' ? 'standby' : 'primary');
      return [];
    } catch (error) {
      if (error instanceof PostgresUrlError) return [`${name} ${error.message}`];
      throw error;
    }
  });
}

/** Variables that can contain a secret. For each, `<NAME>_FILE` can name a file instead. */
export const SECRET_VARIABLES = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'DATABASE_READ_URL',
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  'JWT_SECRET',
  'WEBHOOK_SECRET_KEY',
  'AUDIT_SIGNING_KEY',
  'AUDIT_SIGNER_TOKEN',
] as const;

/** Names of all variables of the controller. */
export const VARIABLES: readonly string[] = Object.keys(new Environment());

/** Names of all variables that the controller reads, with those of secret files. */
export const KNOWN_VARIABLES: readonly string[] = [
  ...VARIABLES,
  ...SECRET_VARIABLES.map((name) => `${name}_FILE`),
];
