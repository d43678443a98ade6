import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { parseEnvironment, VARIABLES } from '../../src/config/parse-environment.js';
import { readDockerfile } from '../support/dockerfile.js';

interface Service {
  image?: string;
  build?: { context: string; target: string };
  command?: string[];
  environment?: Record<string, string>;
  profiles?: string[];
  network_mode?: string;
  volumes?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number };
}

interface Compose {
  services: Record<'controller' | 'postgres' | 'redis' | 'keycloak', Service>;
  volumes: Record<string, unknown>;
}

const { services } = parse(readFileSync('docker-compose.yml', 'utf8')) as Compose;
/** The identity provider of an operator. */
const PROVIDER = {
  OIDC_ISSUER_URL: 'https://id.example.com/realms/mesh',
  OIDC_JWKS_URL: 'https://id.example.com/realms/mesh/protocol/openid-connect/certs',
  OIDC_AUDIENCE: 'agent-mesh',
};

describe('docker-compose.yml', () => {
  it('runs the controller, PostgreSQL 17 and Redis 7', () => {
    const always = Object.entries(services).filter(([, { profiles }]) => profiles === undefined);
    expect(always.map(([name]) => name)).toEqual(['controller', 'postgres', 'redis']);
    expect(services.postgres.image).toBe('postgres:17');
    expect(services.redis.image).toBe('redis:7');
    expect(services.controller.build).toEqual({ context: '.', target: 'runtime' });
    expect(readDockerfile().map(({ name }) => name)).toContain('runtime');
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

  it.each([['a provider of your own', PROVIDER] as const, ['the demo', {}] as const])(
    'sets only variables that the controller accepts in production, with %s',
    (_, provider) => {
      const given = interpolate(services.controller.environment ?? {}, provider);
      expect(Object.keys(given).filter((name) => !VARIABLES.includes(name))).toEqual([]);
      expect(parseEnvironment(given)).toMatchObject({
        NODE_ENV: 'production',
        MIGRATE_ON_START: true,
        isEmbedded: false,
        listenHost: '0.0.0.0',
      });
    },
  );

  it('runs Keycloak in the profile demo, in the network of the controller', () => {
    const { keycloak } = services;
    expect(keycloak).toMatchObject({
      profiles: ['demo'],
      command: ['start-dev', '--import-realm'],
      network_mode: 'service:controller',
      volumes: ['./docker/keycloak:/opt/keycloak/data/import:ro'],
    });
    expect(keycloak.image).toMatch(/^quay\.io\/keycloak\/keycloak:26\.\d+$/);
    expect(readdirSync('docker/keycloak')).toEqual(['mesh-realm.json']);
  });

  it('uses the Keycloak of the profile demo unless another provider is set', () => {
    const {
      OIDC_ISSUER_URL = '',
      OIDC_JWKS_URL,
      OIDC_ALLOW_HTTP,
    } = interpolate(services.controller.environment ?? {}, {});
    const { KC_HOSTNAME = '', KC_HTTP_PORT = '' } = services.keycloak.environment ?? {};
    expect(OIDC_ISSUER_URL).toBe(`${KC_HOSTNAME}/realms/mesh`);
    expect(OIDC_JWKS_URL).toBe(`${OIDC_ISSUER_URL}/protocol/openid-connect/certs`);
    expect(KC_HOSTNAME).toBe(`http://localhost:${KC_HTTP_PORT}`);
    expect(services.controller.ports).toContain(`127.0.0.1:${KC_HTTP_PORT}:${KC_HTTP_PORT}`);
    // Plain HTTP is for the loopback interface only.
    expect(OIDC_ALLOW_HTTP).toBeUndefined();
  });

  it('publishes the controller on the loopback interface only', () => {
    expect(services.controller.ports).toEqual([
      '127.0.0.1:${CONTROLLER_PORT:-8088}:8088',
      '127.0.0.1:8180:8180',
    ]);
    expect(services.keycloak.ports).toBeUndefined();
    expect(services.postgres.ports).toBeUndefined();
    expect(services.redis.ports).toBeUndefined();
  });
});

/** What Compose makes of the variables when those of the provider are set and all that it asks for. */
function interpolate(
  environment: Record<string, string>,
  provider: Record<string, string>,
): Record<string, string> {
  const values: Record<string, string> = { POSTGRES_PASSWORD: 'a-password', ...provider };
  return Object.fromEntries(
    Object.entries(environment).map(([name, text]) => [
      name,
      text.replace(
        /\$\{([A-Z_]+):([?-])([^}]*)\}/g,
        (_, variable: string, operator: string, word: string) =>
          values[variable] ?? (operator === '-' ? word : ''),
      ),
    ]),
  );
}
