import { type ClassConstructor, plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { Environment } from './environment.js';
import { ENVIRONMENT_RULES, type Rule } from './environment-rules.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** The environment cannot be used; the message lists every problem on one line. */
export class EnvironmentError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`Configuration: ${problems.join('; ')}.`);
  }
}

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

/**
 * Validates the variables that a class names into a frozen instance of it.
 *
 * @param check what is wrong with several variables together; asked once each single one is fine
 * @throws EnvironmentError
 */
export function validated<T extends object>(
  type: ClassConstructor<T>,
  variables: Variables,
  check: (environment: T) => string[],
): T {
  const known = Object.fromEntries(
    Object.keys(new type()).flatMap((name) => (variables[name] ? [[name, variables[name]]] : [])),
  );
  const environment = plainToInstance(type, known, { exposeDefaultValues: true });
  const problems = validateSync(environment).flatMap(({ constraints }) => [
    ...new Set(Object.values(constraints ?? {})),
  ]);
  if (problems.length === 0) problems.push(...check(environment));
  if (problems.length > 0) throw new EnvironmentError(problems);
  return Object.freeze(environment);
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
