import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { migrate } from '../../src/database/migrate.js';
import { createTestDatabase, startTestPostgres, type TestPostgres } from '../support/postgres.js';
import { startTestRedis, type TestRedis } from '../support/redis.js';
import { StubIssuer, type StubKey } from '../support/stub-issuer.js';
import { FIXTURES, ROLES } from './cases.js';
import { grow } from './growth-rows.js';

const REGISTER = new URL('../support/register-typescript.js', import.meta.url).href;
const HAND_WRITTEN = { express: 'hand-written.ts', fastify: 'hand-written-fastify.ts' };
const DAY_SECONDS = 86_400;
/** Limits count here too, and are never reached: all agents call from one address, on a machine with too much to do. */
const OUT_OF_REACH = {
  RATE_LIMIT_ADDRESS: '20000',
  RATE_LIMIT_SUBJECT: '20000',
  MAX_LAG_MS: '60000',
};
/** Webhooks call a receiver on this machine. */
const LOCAL_WEBHOOKS = {
  WEBHOOK_SECRET_KEY: Buffer.alloc(32, 'bench').toString('base64'),
  WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
  WEBHOOK_ALLOW_HTTP: 'true',
};
/** As durable as PostgreSQL comes. */
const DURABLE = { fsync: 'on' };

/** What every system stands on: PostgreSQL, Redis and an identity provider. */
export class Ground {
  private constructor(
    readonly postgres: TestPostgres,
    readonly redis: TestRedis,
    readonly issuer: StubIssuer,
    private readonly key: StubKey,
    /** Path of the Node that runs the systems. */
    readonly node: string,
  ) {}

  /** @param settings further settings of PostgreSQL */
  static async lay(node: string, settings: Record<string, string> = {}): Promise<Ground> {
    const [postgres, redis, issuer] = await Promise.all([
      startTestPostgres({ ...DURABLE, ...settings }),
      startTestRedis(),
      StubIssuer.start(),
    ]);
    return new Ground(postgres, redis, issuer, issuer.addKey('RS256'), node);
  }

  /** A migrated database of its own, with the fixtures of all cases or other rows. */
  async database(
    fill: (client: pg.Client) => Promise<void> = laid,
    runMigrations: (url: string) => Promise<unknown> = migrate,
  ): Promise<string> {
    const url = await createTestDatabase(this.postgres.url);
    await runMigrations(url);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await fill(client);
    await client.query('VACUUM ANALYZE');
    await client.end();
    return url;
  }

  /** Tokens of so many agents. They act for the first of their roles by default. */
  tokens(count: number, roles: readonly string[] = ROLES): string[] {
    return Array.from({ length: count }, (_, n) => this.token(roles, `agent-${n}`));
  }

  /** Token of a subject. It acts for the first of its roles by default. */
  token(roles: readonly string[], sub: string): string {
    const exp = Math.floor(Date.now() / 1000) + DAY_SECONDS;
    const claims = { exp, role: roles[0], realm_access: { roles: [...roles] } };
    return this.issuer.token(this.key, { ...claims, sub });
  }

  async clear(): Promise<void> {
    await Promise.all([this.postgres.stop(), this.redis.stop(), this.issuer.close()]);
  }
}

async function laid(client: pg.Client): Promise<void> {
  await client.query(FIXTURES);
}

/** A server under load, as a process of its own with a database of its own. */
export class System {
  private constructor(
    readonly name: string,
    readonly url: string,
    readonly database: string,
    private readonly child: ChildProcess,
  ) {}

  /** The controller as it is built, in production mode. */
  static controller(ground: Ground, dist: string, flags: string[] = []): Promise<System> {
    const args = ['--enable-source-maps', ...flags, `${dist}/src/main.js`];
    return System.start(ground, 'controller', args);
  }

  /**
   * Another build, on a database that its own migrations created.
   *
   * @param sql statements that change its schema, such as DROP INDEX
   */
  static async before(ground: Ground, dist: string, sql = ''): Promise<System> {
    const module = pathToFileURL(resolve(dist, 'src/database/migrate.js')).href;
    const own = (await import(module)) as { migrate: typeof migrate };
    const fill = async (client: pg.Client): Promise<void> => {
      await laid(client);
      await client.query(sql);
    };
    const database = await ground.database(fill, own.migrate);
    const args = ['--enable-source-maps', `${dist}/src/main.js`];
    return System.start(ground, 'before', args, database);
  }

  /** The controller on tables with so many rows each. */
  static async grown(ground: Ground, rows: number): Promise<System> {
    const database = await ground.database((client) => grow(client, rows, ground.issuer.issuer));
    // The events of the tables are not sealed beside the measurement.
    const env = { AUDIT_SEAL: 'false' };
    return System.start(ground, `${rows} rows`, ['dist/src/main.js'], database, env);
  }

  static handWritten(ground: Ground, framework: keyof typeof HAND_WRITTEN): Promise<System> {
    const file = fileURLToPath(new URL(HAND_WRITTEN[framework], import.meta.url));
    return System.start(ground, framework, ['--import', REGISTER, file]);
  }

  private static async start(
    ground: Ground,
    name: string,
    args: string[],
    given?: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<System> {
    const [port, database] = await Promise.all([freePort(), given ?? ground.database()]);
    const child = spawn(ground.node, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: database,
        REDIS_URL: ground.redis.url,
        OIDC_ISSUER_URL: ground.issuer.issuer,
        OIDC_JWKS_URL: ground.issuer.jwksUrl,
        OIDC_AUDIENCE: ground.issuer.audience,
        ...OUT_OF_REACH,
        ...LOCAL_WEBHOOKS,
        ...env,
      },
    });
    const system = new System(name, `http://127.0.0.1:${port}`, database, child);
    await system.answering();
    return system;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.kill();
    await ended;
  }

  private async answering(): Promise<void> {
    while (this.child.exitCode === null) {
      const answer = await fetch(`${this.url}/status`).catch(() => undefined);
      if (answer) return;
      await sleep(50);
    }
    throw new Error(`${this.name} did not start; is it built? \`npm run build\``);
  }
}
