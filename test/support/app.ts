import { randomBytes } from 'node:crypto';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import passport from 'passport';
import { DataSource } from 'typeorm';
import { AppModule } from '../../src/app.module.js';
import { developmentToken } from '../../src/auth/development-token.js';
import { JwtStrategy } from '../../src/auth/jwt.strategy.js';
import type { SecretFiles } from '../../src/config/load-environment.js';
import { parseEnvironment } from '../../src/config/parse-environment.js';
import { APP_OPTIONS, configureApp, newHttpAdapter } from '../../src/configure-app.js';
import { PinoLogger } from '../../src/observability/pino-logger.js';
import { Client } from './client.js';
import { signedToken } from './signed-token.js';
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
  /** An agent with these roles, the first one its default. Without `sub` it has a subject of its own. */
  agent(roles: string | readonly string[], sub?: string): Client;
  close(): Promise<void>;
}

export interface TestAppOptions {
  env?: Record<string, string>;
  /** An existing database, to run a second process beside another; else a new one. */
  databaseUrl?: string;
  /** The files of secrets that are read again. */
  files?: SecretFiles;
  /** Whether it logs as in production; else it keeps quiet. */
  logs?: boolean;
  override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
}

/** A new, migrated database on the server of the run, or on another one. */
export async function newDatabase(server = process.env.TEST_POSTGRES_URL ?? ''): Promise<string> {
  return createTestDatabase(server, undefined, MIGRATED);
}

/**
 * The strategies of the running applications. Passport keeps one for the whole process, that of the application which
 * started last: when this one stops, the one before it counts again.
 */
const strategies: JwtStrategy[] = [];

export async function startTestApp({
  env,
  databaseUrl,
  files = {},
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
    WEBHOOK_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
    WEBHOOK_ALLOW_HTTP: 'true',
    ...env,
  });
  const builder = Test.createTestingModule({
    imports: [AppModule.forRoot(environment, url, files)],
  });
  const module = await (override ? override(builder) : builder).compile();
  const app = module.createNestApplication<NestExpressApplication>(newHttpAdapter(environment), {
    ...APP_OPTIONS,
    ...(logs && { logger: new PinoLogger(environment) }),
  });
  configureApp(app);
  await app.listen(0, '127.0.0.1');
  const dataSource = app.get(DataSource);
  const appUrl = await app.getUrl();
  const strategy = app.get(JwtStrategy);
  strategies.push(strategy);
  return {
    app,
    url: appUrl,
    databaseUrl: url,
    dataSource,
    query: <Row>(text: string, parameters: unknown[] = []) =>
      dataSource.query<Row[]>(text, parameters),
    agent: (roles, sub = newSubject('agent')) => new Client(appUrl, tokenFor(roles, sub)),
    async close() {
      await app.close();
      strategies.splice(strategies.indexOf(strategy), 1);
      const [last] = strategies.slice(-1);
      if (last) passport.use(last);
      if (databaseUrl === undefined) await dropTestDatabase(url);
    },
  };
}

/** A bearer token for a subject with these roles, the first one its default. */
export function tokenFor(roles: string | readonly string[], sub?: string, human = false): string {
  const list = typeof roles === 'string' ? [roles] : [...roles];
  return developmentToken(TEST_SECRET, { roles: list, human, ...(sub !== undefined && { sub }) });
}

/** A bearer token with roles but without a `role` claim, as identity providers issue it: it names no default role. */
export function tokenWithoutDefaultRole(
  roles: readonly string[],
  sub = newSubject('agent'),
): string {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: 'agent-mesh-dev', sub, roles, iat, exp: iat + 300 };
  return signedToken({ alg: 'HS256', typ: 'JWT' }, claims, TEST_SECRET);
}

/** A subject that no other test uses. */
export function newSubject(role: string): string {
  return `${role}-${randomBytes(4).toString('hex')}`;
}
