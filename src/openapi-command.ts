/** `npm run openapi`: writes the API document to docs/openapi.json; with `--check` says whether it is fresh. */
import 'reflect-metadata';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { createApiDocument } from './api-docs.js';
import { AppModule } from './app.module.js';
import { parseEnvironment } from './config/parse-environment.js';

const FILE = 'docs/openapi.json';

/** The document as the file holds it. Preview mode reads the decorators and makes no provider: it needs no database. */
async function apiDocument(): Promise<string> {
  const module = AppModule.forRoot(parseEnvironment({}), 'postgres://no-database');
  const app = await NestFactory.create(module, { preview: true, logger: false });
  return `${JSON.stringify(createApiDocument(app), null, 2)}\n`;
}

const document = await apiDocument();
const isFresh = existsSync(FILE) && readFileSync(FILE, 'utf8') === document;
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, document);
  process.stdout.write(`${FILE} ${isFresh ? 'is as it was' : 'is written'}\n`);
} else if (!isFresh) {
  process.stderr.write(`${FILE} is stale: run "npm run openapi".\n`);
  process.exitCode = 1;
}
