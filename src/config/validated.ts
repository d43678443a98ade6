import { type ClassConstructor, plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';

export type Variables = Readonly<Record<string, string | undefined>>;

/** The configuration is invalid. The message lists all problems on one line. */
export class EnvironmentError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`Configuration: ${problems.join('; ')}.`);
  }
}

/**
 * Validates variables and converts them into a frozen instance of a class. The members of the class name the variables.
 *
 * @param check returns the problems of combinations of variables; called only if each variable alone is valid
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
