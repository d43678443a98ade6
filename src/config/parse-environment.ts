import { Environment } from './environment.js';
import { ENVIRONMENT_RULES, type Rule } from './environment-rules.js';
import { validated, type Variables } from './validated.js';

/**
 * Validates variables, as strings, into the one frozen {@link Environment}. An empty variable counts as not set.
 *
 * @param rules over several variables: all of them, or those that concern a tool which is not the controller
 * @throws EnvironmentError
 */
export function parseEnvironment(
  variables: Variables,
  rules: readonly Rule[] = ENVIRONMENT_RULES,
): Environment {
  return validated(Environment, variables, (environment) =>
    rules.flatMap((rule) => rule(environment)),
  );
}

/** The variables that may hold a secret: each may also be given as a file, `<NAME>_FILE`. */
export const SECRET_VARIABLES = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'REDIS_URL',
  'JWT_SECRET',
] as const;

/** The names of all variables that are read. */
export const VARIABLES: readonly string[] = Object.keys(new Environment());
