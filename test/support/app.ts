import { randomBytes } from 'node:crypto';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { AppModule } from '../../src/app.module.js';
import { developmentToken } from '../../src/auth/development-token.js';
import { parseEnvironment } from '../../src/config/parse-environment.js';
import { APP_OPTIONS, configureApp, newHttpAdapter } from '../../src/configure-app.js';
import { JsonLogger } from '../../src/observability/json-logger.js';
import { createTestDatabase, dropTestDatabase, MIGRATED } from './postgres.js';

export const TEST_SECRET = 'a secret for tests that is long enough';

/** The whole application over HTTP, through the same `configureApp` as production, on a database of its own. */
export interface TestApp {
  app: NestExpressApplication;
  url: string;
  databaseUrl: string;
  dataSource: DataSource;
  /** Rows of a statement run as the application's own user. */
  query<Row = Record<string, unknown>>(text: string, parameters?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export interface TestAppOptions {
  env?: Record<string, string>;
  /** An existing database, to run a second process beside another; else a new one. */
  databaseUrl?: string;
  /** Whether it logs as in production; else it keeps quiet. */
  logs?: boolean;
  override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
}

/** A new, migrated database. */
export async function newDatabase(): Promise<string> {
  return createTestDatabase(process.env.TEST_POSTGRES_URL ?? '', undefined, MIGRATED);
}

export async function startTestApp({
  env,
  databaseUrl,
  logs = false,
  override,
}: TestAppOptions = {}): Promise<TestApp> {
  const url = databaseUrl ?? (await newDatabase());
  const environment = parseEnvironment({
    NODE_ENV: 'test',
    DATABASE_URL: url,
    JWT_SECRET: TEST_SECRET,
    LOG_LEVEL: 'error',
    SWEEP_INTERVAL_SECONDS: '3600',
    RATE_LIMIT_ENABLED: 'false',
    MAX_LAG_MS: '60000',
    ...env,
  });
  const builder = Test.createTestingModule({ imports: [AppModule.forRoot(environment, url)] });
  const module = await (override ? override(builder) : builder).compile();
  const app = module.createNestApplication<NestExpressApplication>(newHttpAdapter(), {
    ...APP_OPTIONS,
    ...(logs && { logger: new JsonLogger(environment) }),
  });
  configureApp(app);
  await app.listen(0, '127.0.0.1');
  const dataSource = app.get(DataSource);
  return {
    app,
    url: await app.getUrl(),
    databaseUrl: url,
    dataSource,
    query: <Row>(text: string, parameters: unknown[] = []) =>
      dataSource.query<Row[]>(text, parameters),
    async close() {
      await app.close();
      if (databaseUrl === undefined) await dropTestDatabase(url);
    },
  };
}

/** A bearer token for a subject with these roles, the first one its default. */
export function tokenFor(roles: string | readonly string[], sub?: string, human = false): string {
  const list = typeof roles === 'string' ? [roles] : [...roles];
  return developmentToken(TEST_SECRET, { roles: list, human, ...(sub !== undefined && { sub }) });
}

/** A subject that nobody else has. */
export function newSubject(role: string): string {
  return `${role}-${randomBytes(4).toString('hex')}`;
}
