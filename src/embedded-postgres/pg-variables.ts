/**
 * Removes the variables of PostgreSQL clients (`PGHOST`, `PGOPTIONS`, `PGSSLMODE`, …) from the environment of this process
 * and returns their names. The driver reads them for all that a URL leaves out, but they describe another server than the
 * embedded one.
 */
export function removePgVariables(variables: NodeJS.ProcessEnv = process.env): string[] {
  const names = Object.keys(variables).filter((name) => /^PG[A-Z_]+$/.test(name));
  for (const name of names) Reflect.deleteProperty(variables, name);
  return names.sort();
}
