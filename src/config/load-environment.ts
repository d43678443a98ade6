import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Environment } from './environment.js';
import { parseEnvironment, SECRET_VARIABLES } from './parse-environment.js';
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

function gather(variables: Variables): Variables {
  const file: Variables = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  return withSecretFiles({ ...file, ...variables });
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
