import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { parseEnvironment, VARIABLES } from '../../src/config/parse-environment.js';

interface Service {
  image?: string;
  build?: { context: string; target: string };
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number };
}

interface Compose {
  services: Record<'controller' | 'postgres' | 'redis', Service>;
  volumes: Record<string, unknown>;
}

const { services } = parse(readFileSync('docker-compose.yml', 'utf8')) as Compose;
const stages = stagesOf(readFileSync('Dockerfile', 'utf8'));

describe('docker-compose.yml', () => {
  it('runs the controller, PostgreSQL 17 and Redis 7', () => {
    expect(Object.keys(services)).toEqual(['controller', 'postgres', 'redis']);
    expect(services.postgres.image).toBe('postgres:17');
    expect(services.redis.image).toBe('redis:7');
    expect(services.controller.build).toEqual({ context: '.', target: 'runtime' });
    expect(stages.has('runtime')).toBe(true);
  });

  it.each(Object.entries(services))('has a health check of %s', (_, { healthcheck }) => {
    expect(healthcheck).toMatchObject({
      test: expect.arrayContaining([expect.stringMatching(/^CMD/)]),
      interval: expect.stringMatching(/^\d+s$/),
      timeout: expect.stringMatching(/^\d+s$/),
      retries: expect.any(Number),
    });
  });

  it('starts the controller once its dependencies are healthy', () => {
    expect(services.controller.depends_on).toEqual({
      postgres: { condition: 'service_healthy' },
      redis: { condition: 'service_healthy' },
    });
  });

  it('contains no secret and requires the passwords', () => {
    for (const { environment = {} } of Object.values(services)) {
      for (const [name, value] of Object.entries(environment)) {
        if (/PASSWORD|SECRET|KEY$/.test(name)) expect(value).toMatch(/^\$\{[A-Z_]+:\?[^}]+\}$/);
        const credentials = /:\/\/\w*:(?<password>.*)@/.exec(value)?.groups?.password;
        if (credentials !== undefined) expect(credentials).toMatch(/^\$\{[A-Z_]+:\?[^}]+\}$/);
      }
    }
  });

  it('sets only variables that the controller accepts in production', () => {
    const given = interpolate(services.controller.environment ?? {});
    expect(Object.keys(given).filter((name) => !VARIABLES.includes(name))).toEqual([]);
    expect(parseEnvironment(given)).toMatchObject({
      NODE_ENV: 'production',
      MIGRATE_ON_START: true,
      isEmbedded: false,
      listenHost: '0.0.0.0',
    });
  });

  it('publishes the controller on the loopback interface only', () => {
    expect(services.controller.ports).toEqual(['127.0.0.1:${CONTROLLER_PORT:-8088}:8088']);
    expect(services.postgres.ports).toBeUndefined();
    expect(services.redis.ports).toBeUndefined();
  });
});

describe('Dockerfile', () => {
  it('builds in stages, without build tools in the image', () => {
    expect([...stages.keys()]).toEqual(['build', 'dependencies', 'runtime']);
    expect(stages.get('build')).toContain('RUN npm run build');
    expect(stages.get('dependencies')?.join('\n')).toMatch(/npm ci --omit=dev/);
    const copied = stages.get('runtime')?.filter((line) => line.startsWith('COPY --from='));
    expect(copied).toEqual([
      'COPY --from=dependencies /app/node_modules ./node_modules',
      'COPY --from=build /app/dist ./dist',
    ]);
  });

  it('runs without root, as the process that receives signals', () => {
    const runtime = stages.get('runtime') ?? [];
    expect(runtime).toContain('USER node');
    expect(runtime.at(-1)).toBe('CMD ["node", "--enable-source-maps", "dist/src/main.js"]');
    expect(runtime.indexOf('USER node')).toBeLessThan(runtime.length - 1);
  });

  it('copies only files that .dockerignore allows', () => {
    const allowed = readFileSync('.dockerignore', 'utf8').match(/(?<=^!)[^/\n]+/gm) ?? [];
    const copied = [...stages.values()]
      .flat()
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(new Set(copied)).toEqual(new Set(allowed));
    expect(copied.filter((path) => !existsSync(path))).toEqual([]);
  });
});

/** The instructions of each stage, in order. */
function stagesOf(dockerfile: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of dockerfile.split('\n')) {
    const name = /^FROM \S+ AS (\S+)$/.exec(line)?.[1];
    if (name !== undefined) found.set(name, (current = []));
    else if (line.trim() !== '') current.push(line);
  }
  return found;
}

/** What Compose makes of the variables when all that it asks for are set. */
function interpolate(environment: Record<string, string>): Record<string, string> {
  const values: Record<string, string> = {
    POSTGRES_PASSWORD: 'a-password',
    OIDC_ISSUER_URL: 'https://id.example.com/realms/mesh',
    OIDC_JWKS_URL: 'https://id.example.com/realms/mesh/protocol/openid-connect/certs',
    OIDC_AUDIENCE: 'agent-mesh',
  };
  return Object.fromEntries(
    Object.entries(environment).map(([name, text]) => [
      name,
      text.replace(/\$\{([A-Z_]+):\?[^}]*\}/g, (_, variable: string) => values[variable] ?? ''),
    ]),
  );
}
