import { realpathSync } from 'node:fs';
import type { Environment } from './config/environment.js';
import { clusterHome } from './embedded-postgres/embedded-postgres.js';
import { VERSION } from './version.js';

/** Returns the start-up banner with URL, commands and data folder. Empty unless the database is embedded. */
export function startupBanner(environment: Environment, url: string): string {
  if (!environment.isEmbedded) return '';
  const console = environment.CONSOLE_ENABLED ? `\n  the console  ${url}/console` : '';
  return `
Agent Mesh Controller ${VERSION} listens at ${url}
${console}
  API docs     ${url}/docs
  a token      npm run token -- finance
  the demo     ${demoCommand(environment, url)}
  stop         Ctrl-C (the data stays in ${databaseFolder(environment)})

`;
}

/** Folder of the embedded database. If the controller runs as root, it is not in DATA_DIR. */
function databaseFolder({ DATA_DIR }: Environment): string {
  const folder = realpathSync(DATA_DIR);
  const home = clusterHome(folder);
  return home === folder ? DATA_DIR : home;
}

/** The demo connects to the default port unless CONTROLLER_URL is set. */
function demoCommand({ PORT }: Environment, url: string): string {
  return PORT === 8088 ? 'npm run demo' : `CONTROLLER_URL=${url} npm run demo`;
}
