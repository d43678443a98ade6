import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Environment } from './environment.js';
import { misspelledVariables, misspellingWarning } from './misspelled-variables.js';
import { KNOWN_VARIABLES, parseEnvironment, SECRET_VARIABLES } from './parse-environment.js';
import { EnvironmentError } from './validated.js';

type Variables = Record<string, string | undefined>;

/**
 * Reads the environment from `variables`, from a `.env` file with lower precedence, and from the secret files that the
 * variables `<NAME>_FILE` name.
 *
 * @throws EnvironmentError
 */
export function loadEnvironment(variables: Variables = process.env): Environment {
  return parseEnvironment(gather(variables));
}

/** Like {@link loadEnvironment}, for a tool that uses only the database: the rules for token variables do not apply. */
export function loadDatabaseEnvironment(variables: Variables = process.env): Environment {
  return parseEnvironment(gather(variables), []);
}

/** Paths of the files that secrets are read from, by the name of the variable that they stand for. */
export type SecretFiles = Readonly<Partial<Record<(typeof SECRET_VARIABLES)[number], string>>>;

/** Returns the secret files that the environment names, for secrets that are read again after the start. */
export function secretFiles(variables: Variables = process.env): SecretFiles {
  const all = { ...readEnvFile(), ...variables };
  const paths = SECRET_VARIABLES.map((name) => [name, all[`${name}_FILE`] ?? undefined]);
  return Object.fromEntries(paths.filter(([, path]) => path)) as SecretFiles;
}

/** Returns a warning for each variable, also of the `.env` file, whose name resembles that of a known one. */
export function environmentWarnings(variables: Variables = process.env): string[] {
  const all = { ...readEnvFile(), ...variables };
  return misspelledVariables(all, KNOWN_VARIABLES).map(misspellingWarning);
}

function gather(variables: Variables): Variables {
  return withSecretFiles({ ...readEnvFile(), ...variables });
}

function readEnvFile(): Variables {
  return existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
}

function withSecretFiles(variables: Variables): Variables {
  const problems: string[] = [];
  const secrets: Variables = {};
  for (const name of SECRET_VARIABLES) {
    const path = variables[`${name}_FILE`];
    if (!path) continue;
    if (variables[name]) {
      problems.push(`set ${name} or ${name}_FILE, not both`);
      continue;
    }
    try {
      secrets[name] = readFileSync(path, 'utf8').trim();
    } catch {
      problems.push(`${name}_FILE cannot be read`);
    }
  }
  if (problems.length > 0) throw new EnvironmentError(problems);
  return { ...variables, ...secrets };
}
