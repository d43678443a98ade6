import { type ClassConstructor, plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';

export type Variables = Readonly<Record<string, string | undefined>>;

/** The environment cannot be used; the message lists every problem on one line. */
export class EnvironmentError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`Configuration: ${problems.join('; ')}.`);
  }
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
