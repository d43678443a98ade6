/** `npm run openapi`: writes the OpenAPI document to docs/openapi.json. With `--check`, exits with 1 if the file is stale. */
import 'reflect-metadata';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { createApiDocument } from './api-docs.js';
import { AppModule } from './app.module.js';
import { parseEnvironment } from './config/parse-environment.js';

const FILE = 'docs/openapi.json';

/** Returns the content of the file. Preview mode reads the decorators and creates no provider, so no database is needed. */
async function apiDocument(): Promise<string> {
  const module = AppModule.forRoot(parseEnvironment({}), 'postgres://no-database');
  const app = await NestFactory.create(module, { preview: true, logger: false });
  return `${JSON.stringify(createApiDocument(app), null, 2)}\n`;
}

const document = await apiDocument();
const isFresh = existsSync(FILE) && readFileSync(FILE, 'utf8') === document;
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, document);
  process.stdout.write(`${FILE} ${isFresh ? 'is unchanged' : 'was written'}\n`);
} else if (!isFresh) {
  process.stderr.write(`${FILE} is stale: run "npm run openapi".\n`);
  process.exitCode = 1;
}
