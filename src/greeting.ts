import { realpathSync } from 'node:fs';
import type { Environment } from './config/environment.js';
import { clusterHome } from './database/embedded-postgres.js';
import { VERSION } from './version.js';

/** What a person at the terminal wants to know first. Empty where nobody is: with a real database. */
export function greeting(environment: Environment, url: string): string {
  if (!environment.isEmbedded) return '';
  return `
Agent Mesh Controller ${VERSION} answers at ${url}

  API docs     ${url}/docs
  a token      npm run token -- finance
  the demo     ${demoCommand(environment, url)}
  stop         Ctrl-C (the data stays in ${whereDataStays(environment)})

`;
}

/** As root the database is not where the secret is. */
function whereDataStays({ DATA_DIR }: Environment): string {
  const folder = realpathSync(DATA_DIR);
  const home = clusterHome(folder);
  return home === folder ? DATA_DIR : home;
}

/** The demo looks for a controller on the default port. */
function demoCommand({ PORT }: Environment, url: string): string {
  return PORT === 8088 ? 'npm run demo' : `CONTROLLER_URL=${url} npm run demo`;
}
