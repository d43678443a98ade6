import { describe, expect, it } from '@jest/globals';
import { parseEnvironment } from './config/parse-environment.js';
import { startupSummary } from './startup-summary.js';
import { VERSION } from './version.js';

const ADDRESS = 'http://127.0.0.1:8088';
const SECRET = 'hunter2';

const summaryOf = (variables: Record<string, string>) =>
  startupSummary(parseEnvironment(variables), ADDRESS);

describe('The start-up summary', () => {
  it('contains version, address, hosts and issuer', () => {
    const issuer = 'https://id.example.com/realms/mesh';
    expect(
      summaryOf({
        DATABASE_URL: `postgres://mesh:${SECRET}@db.internal:5433/mesh?sslpassword=${SECRET}`,
        REDIS_URL: `rediss://:${SECRET}@a:6379,redis://b:6380`,
        OIDC_ISSUER_URL: issuer,
        OIDC_JWKS_URL: `${issuer}/certs`,
        OIDC_AUDIENCE: 'mesh',
      }),
    ).toBe(
      `Agent Mesh Controller ${VERSION} listens at ${ADDRESS}. Database: db.internal:5433. Redis: a:6379, b:6380. Issuer: ${issuer}.`,
    );
  });

  it('names the embedded database and development tokens', () => {
    expect(summaryOf({})).toContain(
      ' Database: embedded. Redis: none. Issuer: development tokens.',
    );
  });

  it.each<Record<string, string>>([
    { DATABASE_URL: `postgres://mesh:${SECRET}@db/mesh`, JWT_SECRET: SECRET.repeat(5) },
    { DATABASE_URL: `postgres://mesh:${SECRET}%40x@db/mesh`, JWT_SECRET: SECRET.repeat(5) },
    {
      DATABASE_URL: 'postgres://db/mesh',
      OIDC_ISSUER_URL: `https://mesh:${SECRET}@id.example.com/?key=${SECRET}#${SECRET}`,
      OIDC_JWKS_URL: `https://id.example.com/certs?key=${SECRET}`,
      OIDC_AUDIENCE: 'mesh',
    },
  ])('contains no secret (%#)', (variables) => {
    expect(summaryOf(variables)).not.toContain(SECRET);
  });
});
