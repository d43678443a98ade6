/**
 * `npm run openapi`: writes the OpenAPI document to docs/openapi.json and the AsyncAPI document to docs/asyncapi.json. With
 * `--check`, exits with 1 if a file is stale.
 */
import 'reflect-metadata';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { createApiDocument } from './api-docs.js';
import { AppModule } from './app.module.js';
import { createAsyncApiDocument } from './async-api-docs.js';
import { parseEnvironment } from './config/parse-environment.js';

/** Preview mode reads the decorators and creates no provider, so no database is needed. */
async function apiDocument(): Promise<OpenAPIObject> {
  const module = AppModule.forRoot(parseEnvironment({}), 'postgres://no-database');
  return createApiDocument(await NestFactory.create(module, { preview: true, logger: false }));
}

function write(file: string, document: object): void {
  const text = `${JSON.stringify(document, null, 2)}\n`;
  const isFresh = existsSync(file) && readFileSync(file, 'utf8') === text;
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
    process.stdout.write(`${file} ${isFresh ? 'is unchanged' : 'was written'}\n`);
  } else if (!isFresh) {
    process.stderr.write(`${file} is stale: run "npm run openapi".\n`);
    process.exitCode = 1;
  }
}

const api = await apiDocument();
write('docs/openapi.json', api);
write('docs/asyncapi.json', createAsyncApiDocument(api));
