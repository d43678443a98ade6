import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  type INestApplication,
  Module,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import type { Response } from 'express';
import request from 'supertest';
import { AuthModule } from '../../src/auth/auth.module.js';
import { developmentToken } from '../../src/auth/development-token.js';
import { fetchKeys } from '../../src/auth/fetch-keys.js';
import { JwtGuard } from '../../src/auth/jwt.guard.js';
import { JwksCache } from '../../src/auth/jwks-cache.js';
import { Public } from '../../src/auth/public.decorator.js';
import { developmentSecret } from '../../src/auth/signing-secret.js';
import { VerificationKeys } from '../../src/auth/verification-keys.js';
import { parseEnvironment } from '../../src/config/parse-environment.js';
import { EnvironmentModule } from '../../src/config/environment.module.js';
import { DomainError } from '../../src/errors/domain-error.js';
import { statusOf } from '../../src/errors/error-codes.js';
import { requestContext, withRequestContext } from '../../src/observability/request-context.js';
import { type Json, signedToken, tampered } from '../support/signed-token.js';
import { type Failure, StubIssuer, type StubKey } from '../support/stub-issuer.js';

const MINUTE = 60_000;

@Controller()
class StubController {
  @Get('open')
  @Public()
  open(): { open: boolean } {
    return { open: true };
  }

  @Get('context')
  context(): { subject?: string } {
    return { subject: requestContext()?.subject };
  }
}

@Catch(DomainError)
class StubFilter implements ExceptionFilter<DomainError> {
  catch({ code, detail, extras }: DomainError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const retryAfter = extras.retryAfter === undefined ? {} : { 'Retry-After': extras.retryAfter };
    response
      .status(statusOf(code))
      .set({ ...extras.headers, ...retryAfter })
      .json({ code, detail });
  }
}

@Module({
  imports: [AuthModule],
  controllers: [StubController],
  providers: [
    { provide: APP_GUARD, useClass: JwtGuard },
    { provide: APP_FILTER, useClass: StubFilter },
  ],
})
class StubModule {}

let app: INestApplication<Server>;

async function boot(variables: Record<string, string>, keys?: JwksCache): Promise<void> {
  const environment = EnvironmentModule.forRoot(parseEnvironment(variables));
  const builder = Test.createTestingModule({ imports: [environment, StubModule] });
  if (keys !== undefined) builder.overrideProvider(VerificationKeys).useValue(keys);
  const module = await builder.compile();
  app = module.createNestApplication<INestApplication<Server>>();
  app.useLogger(false);
  app.use((_request: unknown, _response: unknown, next: () => void) => {
    withRequestContext({ traceId: '00000000-0000-4000-8000-000000000000' }, next);
  });
  await app.listen(0, '127.0.0.1');
}

const me = (token: string) =>
  request(app.getHttpServer()).get('/me').set('Authorization', `Bearer ${token}`);

const answer = (status: number, code: string) => ({ status, body: { code } });
const INVALID = answer(401, 'auth.token_invalid');
const UNAVAILABLE = answer(503, 'auth.keys_unavailable');

afterEach(async () => {
  await app.close();
});

describe('with an identity provider', () => {
  let issuer: StubIssuer;
  let rsa: StubKey;
  let ec: StubKey;
  let now: number;

  beforeEach(async () => {
    issuer = await StubIssuer.start();
    rsa = issuer.addKey('RS256');
    ec = issuer.addKey('ES256');
    now = 0;
    const keys = new JwksCache(
      () => fetchKeys(issuer.jwksUrl),
      () => now,
    );
    await boot(
      {
        OIDC_ISSUER_URL: issuer.issuer,
        OIDC_JWKS_URL: issuer.jwksUrl,
        OIDC_AUDIENCE: issuer.audience,
      },
      keys,
    );
  });

  afterEach(async () => {
    await issuer.close();
  });

  describe('a good token', () => {
    it.each([
      ['RS256', () => issuer.token(rsa)],
      ['PS256', () => issuer.token(rsa, {}, { alg: 'PS256' })],
      ['ES256', () => issuer.token(ec)],
      ['ES256 without kid', () => issuer.token(ec, {}, { kid: undefined })],
      ['RFC 9068 type', () => issuer.token(rsa, { typ: undefined }, { typ: 'at+jwt' })],
      ['one audience', () => issuer.token(rsa, { aud: issuer.audience })],
    ])('passes: %s', async (_, token) => {
      const response = await me(token()).expect(200);
      expect(response.body).toEqual({
        subject: `${issuer.issuer}#7f3c2a9e`,
        roles: ['finance', 'approver'],
        acting_role: null,
        kind: 'agent',
      });
    });

    it('acts for the role that its claim `role` names', async () => {
      expect(await me(issuer.token(rsa, { role: 'approver' }))).toMatchObject({
        status: 200,
        body: { acting_role: 'approver' },
      });
    });

    it.each(['bearer', 'BEARER', 'Bearer'])('passes with the scheme written %s', async (scheme) => {
      const authorization = `${scheme} ${issuer.token(rsa)}`;
      await request(app.getHttpServer()).get('/me').set('Authorization', authorization).expect(200);
    });

    it('names the subject in the request context', async () => {
      const response = await request(app.getHttpServer())
        .get('/context')
        .set('Authorization', `Bearer ${issuer.token(rsa)}`);
      expect(response.body).toEqual({ subject: `${issuer.issuer}#7f3c2a9e` });
    });
  });

  describe('a request without a token', () => {
    it.each([undefined, 'Basic Zm9vOmJhcg==', 'Bearertoken'])(
      'is challenged: %s',
      async (value) => {
        const sent = request(app.getHttpServer()).get('/me');
        const response = await (value === undefined ? sent : sent.set('Authorization', value));
        expect(response).toMatchObject(answer(401, 'auth.token_missing'));
        expect(response.headers['www-authenticate']).toBe('Bearer');
      },
    );

    it('passes on a public route, and no key is read for it', async () => {
      await request(app.getHttpServer()).get('/open').expect(200, { open: true });
      await request(app.getHttpServer()).get('/open').set('Authorization', 'Bearer x').expect(200);
      expect(issuer.fetches).toBe(0);
    });
  });

  describe('a bad token', () => {
    const seconds = () => Math.floor(Date.now() / 1000);
    const claims = (changes: () => Json) => () => issuer.token(rsa, changes());
    const header = (changes: Json) => () => issuer.token(rsa, {}, changes);
    const pem = (key: StubKey) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();

    it.each<[string, () => string]>([
      ['alg none', () => signedToken({ alg: 'none', typ: 'JWT' }, issuer.claims())],
      ['alg None with kid', () => signedToken({ alg: 'None', kid: rsa.kid }, issuer.claims())],
      [
        'alg none and a signature',
        () => signedToken({ alg: 'none', kid: rsa.kid }, issuer.claims(), rsa.privateKey),
      ],
      [
        'HS256 keyed with the public key',
        () => signedToken({ alg: 'HS256', typ: 'JWT', kid: rsa.kid }, issuer.claims(), pem(rsa)),
      ],
      ['no signature', () => issuer.token(rsa).replace(/[^.]+$/, '')],
      ['RS512', header({ alg: 'RS512' })],
      ['ES256 named for an RSA key', header({ alg: 'ES256' })],
      ['RS256 named for an EC key', () => issuer.token(ec, {}, { alg: 'RS256' })],
      ['RS256 with the kid of an EC key', () => issuer.token(rsa, {}, { kid: ec.kid })],
      [
        'a key of its own under a known kid',
        () => {
          const own = issuer.addKey('RS256');
          issuer.removeKey(own);
          return issuer.token(own, {}, { kid: rsa.kid });
        },
      ],
      ['changed claims', () => tampered(issuer.token(rsa), { sub: 'someone-else' })],
      [
        'no kid where two keys fit',
        () => {
          issuer.addKey('RS256');
          return issuer.token(rsa, {}, { kid: undefined });
        },
      ],
      ['a kid that is a number', header({ kid: 1 })],
      ['an unknown crit', header({ crit: ['b64'], b64: true })],
      ['an empty crit', header({ crit: [] })],
      ['typ of a logout token', header({ typ: 'logout+jwt' })],
      ['typ that is a number', header({ typ: 1 })],
      ['no exp', claims(() => ({ exp: undefined }))],
      ['exp that is a string', claims(() => ({ exp: String(seconds() + 300) }))],
      ['no iat', claims(() => ({ iat: undefined }))],
      ['iat in the future', claims(() => ({ iat: seconds() + 120 }))],
      ['nbf in the future', claims(() => ({ nbf: seconds() + 120 }))],
      ['no sub', claims(() => ({ sub: undefined }))],
      ['an empty sub', claims(() => ({ sub: '' }))],
      ['sub that is an object', claims(() => ({ sub: { id: 1 } }))],
      ['another iss', claims(() => ({ iss: 'https://evil.example.com' }))],
      ['iss with a slash more', claims(() => ({ iss: `${issuer.issuer}/` }))],
      ['no iss', claims(() => ({ iss: undefined }))],
      ['another aud', claims(() => ({ aud: 'account' }))],
      ['no aud', claims(() => ({ aud: undefined }))],
      ['an ID token', claims(() => ({ typ: 'ID', at_hash: 'x' }))],
      ['a refresh token', claims(() => ({ typ: 'Refresh' }))],
      ['an offline token', claims(() => ({ typ: 'Offline' }))],
      ['bound to a DPoP key', claims(() => ({ cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZw' } }))],
      ['bound to a certificate', claims(() => ({ cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2' } }))],
      ['malformed roles', claims(() => ({ realm_access: { roles: 'admin' } }))],
      [
        'a payload that is null',
        () => signedToken({ alg: 'RS256', typ: 'JWT', kid: rsa.kid }, null, rsa.privateKey),
      ],
      [
        'a payload that is a string',
        () => signedToken({ alg: 'RS256', kid: rsa.kid }, 'x', rsa.privateKey),
      ],
      ['more than 8 KB', claims(() => ({ padding: 'x'.repeat(8192) }))],
      ['8 KB without a dot', () => 'x'.repeat(9000)],
      ['garbage', () => 'not.a.jwt'],
      ['one part', () => 'garbage'],
      ['characters that no token has', () => 'a.b.c{}'],
      ['a second token after it', () => `${issuer.token(rsa)} ${issuer.token(rsa)}`],
      ['a list of tokens', () => `${issuer.token(rsa)}, Bearer ${issuer.token(rsa)}`],
    ])('is refused: %s', async (_, token) => {
      const sent = token();
      const response = await me(sent);
      expect(response).toMatchObject(INVALID);
      expect(response.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
      expect(response.text).not.toContain(sent.slice(0, 20));
    });

    it('that has expired is told so', async () => {
      const response = await me(issuer.token(rsa, { exp: seconds() - 61 }));
      expect(response).toMatchObject(answer(401, 'auth.token_expired'));
      expect(response.headers['www-authenticate']).toContain('error="invalid_token"');
    });

    it('that passed before is told so once it has expired', async () => {
      const token = issuer.token(rsa, { exp: seconds() - 57 });
      await me(token).expect(200);
      await untilAnswered(() => me(token), 401);
      expect(await me(token)).toMatchObject(answer(401, 'auth.token_expired'));
    });

    it('that has expired is not told so when it is not signed by the provider', async () => {
      const token = tampered(issuer.token(rsa), { exp: seconds() - 61 });
      expect(await me(token)).toMatchObject(INVALID);
    });

    it.each(['DPoP', 'dpop'])(
      'sent by the scheme %s is told to be a bearer token',
      async (scheme) => {
        const sent = request(app.getHttpServer()).get('/me');
        const response = await sent.set('Authorization', `${scheme} ${issuer.token(rsa)}`);
        expect(response).toMatchObject(INVALID);
        expect(response.body).toMatchObject({ detail: expect.stringContaining('DPoP') });
      },
    );

    it('is refused when the Authorization header is sent twice, though one is good', async () => {
      const authorization = [`Bearer ${issuer.token(rsa)}`, 'Bearer other'];
      const url = `${await app.getUrl()}/me`;
      const status = await new Promise((resolve, reject) => {
        const twice = httpRequest(url, (response) => {
          resolve(response.resume().statusCode);
        });
        twice.setHeader('Authorization', authorization).on('error', reject).end();
      });
      expect(status).toBe(401);
    });

    it('costs no fetch when its algorithm alone refuses it', async () => {
      await me(signedToken({ alg: 'none' }, issuer.claims()));
      expect(issuer.fetches).toBe(0);
    });
  });

  describe('when the keys change', () => {
    beforeEach(async () => {
      await me(issuer.token(rsa)).expect(200);
    });

    it('a token signed with a new key passes at once', async () => {
      await me(issuer.token(issuer.addKey('PS256'))).expect(200);
      expect(issuer.fetches).toBe(2);
    });

    it('a key removed loses its effect after ten minutes, for tokens that passed before, too', async () => {
      const known = issuer.token(rsa);
      await me(known).expect(200);
      issuer.removeKey(rsa);
      now = 10 * MINUTE + 1;
      await me(issuer.token(ec)).expect(200);
      await until(() => issuer.fetches === 2);
      await untilAnswered(() => me(issuer.token(rsa)), 401);
      expect(await me(known)).toMatchObject(INVALID);
      await me(issuer.token(ec)).expect(200);
    });
  });

  describe('when the provider is down', () => {
    it.each<Failure>(['error', 'hang', 'garbage', 'redirect'])(
      'good tokens pass for an hour with the keys read before: %s',
      async (failure) => {
        await me(issuer.token(rsa)).expect(200);
        issuer.failure = failure;
        now = 59 * MINUTE;
        await me(issuer.token(rsa)).expect(200);
        now = 61 * MINUTE;
        expect(await me(issuer.token(rsa))).toMatchObject(UNAVAILABLE);
      },
    );

    it.each<Failure>(['error', 'hang', 'redirect', 'garbage', 'not a set', 'huge'])(
      'and no key was ever read, the answer is 503 in time, and again at once: %s',
      async (failure) => {
        issuer.failure = failure;
        const started = Date.now();
        const response = await me(issuer.token(rsa));
        expect(Date.now() - started).toBeLessThan(4000);
        expect(response).toMatchObject(UNAVAILABLE);
        expect(response.headers).toMatchObject({ 'retry-after': '1' });
        expect(response.headers).not.toHaveProperty('www-authenticate');

        await me(issuer.token(rsa)).expect(503);
        expect(issuer.fetches).toBe(1);
        issuer.failure = undefined;
        now += 1000;
        await me(issuer.token(rsa)).expect(200);
      },
    );

    it('and nobody listens, the answer is 503', async () => {
      await issuer.close();
      expect(await me(issuer.token(rsa))).toMatchObject(UNAVAILABLE);
    });

    it('a token with a new kid gets 503 and not 401: it may be good', async () => {
      await me(issuer.token(rsa)).expect(200);
      issuer.failure = 'error';
      expect(await me(issuer.token(issuer.addKey('RS256')))).toMatchObject(UNAVAILABLE);
    });
  });

  describe('a flood of 200 random kids', () => {
    const flood = () =>
      Array.from({ length: 200 }, (_, index) =>
        me(issuer.token(rsa, {}, { kid: `random-${index}` })),
      );

    it('costs two fetches at most, and a good token passes meanwhile', async () => {
      await me(issuer.token(rsa)).expect(200);
      now = MINUTE;
      const before = issuer.fetches;
      const started = Date.now();
      const all = Promise.all(flood());
      await me(issuer.token(rsa)).expect(200);
      const statuses = (await all).map(({ status }) => status);
      expect(statuses.filter((status) => ![401, 503].includes(status))).toEqual([]);
      expect(statuses).toContain(503);
      expect(issuer.fetches - before).toBeLessThanOrEqual(2);
      expect(Date.now() - started).toBeLessThan(10_000);
    });

    it('is 503 and says when to come again, once the readings are used up', async () => {
      await me(issuer.token(rsa)).expect(200);
      await Promise.all(flood());
      const response = await me(issuer.token(issuer.addKey('RS256')));
      expect(response).toMatchObject(UNAVAILABLE);
      const wait = Number(response.headers['retry-after']);
      expect(wait).toBeGreaterThan(1);
      expect(wait).toBeLessThanOrEqual(30);
      expect(response.headers).not.toHaveProperty('www-authenticate');
    });

    it('does not make a good token wait for a provider that hangs', async () => {
      await me(issuer.token(rsa)).expect(200);
      issuer.failure = 'hang';
      const stuck = Promise.all(flood());
      const started = Date.now();
      await me(issuer.token(rsa)).expect(200);
      expect(Date.now() - started).toBeLessThan(1500);
      await stuck;
    });

    it('keeps a new key out for 30 seconds at most', async () => {
      await Promise.all(flood());
      const added = issuer.addKey('RS256');
      now += 30_000;
      await me(issuer.token(added)).expect(200);
    });
  });
});

describe('with an identity provider, and audiences and roles of its own', () => {
  let issuer: StubIssuer;
  let key: StubKey;

  const bootWith = (variables: Record<string, string>) =>
    boot({
      OIDC_ISSUER_URL: issuer.issuer,
      OIDC_JWKS_URL: issuer.jwksUrl,
      OIDC_AUDIENCE: issuer.audience,
      ...variables,
    });

  beforeEach(async () => {
    issuer = await StubIssuer.start();
    key = issuer.addKey('ES256');
  });

  afterEach(() => issuer.close());

  it('takes a token for any audience of the list, and for its own URLs', async () => {
    await bootWith({
      OIDC_AUDIENCE: 'agent-mesh, https://old.example.com',
      PUBLIC_URL: 'https://mesh.example.com/',
    });
    for (const aud of [
      'agent-mesh',
      'https://old.example.com',
      'https://mesh.example.com',
      'https://mesh.example.com/',
      'https://mesh.example.com/mcp',
      ['account', 'https://mesh.example.com/mcp'],
    ])
      await me(issuer.token(key, { aud })).expect(200);
    for (const aud of [
      'agent-mesh, https://old.example.com',
      'https://mesh.example.com/mcp/tools',
      'https://mesh.example.com.evil.example/mcp',
      'http://mesh.example.com/mcp',
    ])
      expect(await me(issuer.token(key, { aud }))).toMatchObject(INVALID);
  });

  it('takes no audience from the Host of a request', async () => {
    await bootWith({});
    for (const aud of ['http://mesh.example.com/mcp', 'http://mesh.example.com'])
      expect(
        await me(issuer.token(key, { aud }))
          .set('Host', 'mesh.example.com')
          .set('X-Forwarded-Host', 'mesh.example.com'),
      ).toMatchObject(INVALID);
  });

  it('reads the roles from the claim that is configured, and from no other', async () => {
    await bootWith({ OIDC_ROLES_CLAIM: 'https://example.com/roles' });
    const claims = { 'https://example.com/roles': 'legal manager', roles: ['admin'] };
    expect(await me(issuer.token(key, claims))).toMatchObject({
      status: 200,
      body: { roles: ['legal', 'manager'], acting_role: null },
    });
    expect(await me(issuer.token(key))).toMatchObject({ status: 200, body: { roles: [] } });
  });

  it('acts by default for the first role of the precedence, in whichever order they come', async () => {
    await bootWith({ DEFAULT_ROLE_PRECEDENCE: 'legal,approver,finance' });
    for (const roles of [
      ['finance', 'approver'],
      ['approver', 'finance'],
    ])
      expect(await me(issuer.token(key, { realm_access: { roles } }))).toMatchObject({
        status: 200,
        body: { acting_role: 'approver' },
      });
    const role = { role: 'finance' };
    expect((await me(issuer.token(key, role))).body).toMatchObject({ acting_role: 'finance' });
  });
});

it('the module reads the keys at OIDC_JWKS_URL by itself', async () => {
  const issuer = await StubIssuer.start();
  try {
    const key = issuer.addKey('RS256');
    await boot({
      OIDC_ISSUER_URL: issuer.issuer,
      OIDC_JWKS_URL: issuer.jwksUrl,
      OIDC_AUDIENCE: issuer.audience,
    });
    await me(issuer.token(key)).expect(200);
    await me(issuer.token(issuer.addKey('ES256'))).expect(200);
    expect(issuer.fetches).toBe(2);
  } finally {
    await issuer.close();
  }
});

describe('with a shared secret', () => {
  const secret = 'a development secret of 32 bytes and more';
  const base = { DATABASE_URL: 'postgres://localhost/mesh', JWT_SECRET: secret };
  const roles = ['finance', 'manager'];

  it('development tokens pass', async () => {
    await boot(base);
    const response = await me(developmentToken(secret, { roles })).expect(200);
    expect(response.body).toEqual({
      subject: 'agent-mesh-dev#finance-agent',
      roles: ['finance', 'manager'],
      acting_role: 'finance',
      kind: 'agent',
    });
  });

  it('tokens signed with another secret, or none, are refused', async () => {
    await boot(base);
    expect(await me(developmentToken(`${secret}!`, { roles }))).toMatchObject(INVALID);
    const payload = { sub: 'x', iat: 0, exp: 9e9 };
    expect(await me(signedToken({ alg: 'none' }, payload))).toMatchObject(INVALID);
    expect(await me(signedToken({ alg: 'HS256' }, payload, secret))).toMatchObject({ status: 200 });
  });

  it('a subject, an expiry and known algorithms are required as ever', async () => {
    await boot(base);
    const payload = { sub: 'x', iat: 0, exp: 9e9 };
    for (const bad of [{ sub: undefined }, { exp: undefined }, { iat: 9e9 }, { iss: 'a#b' }]) {
      const token = signedToken({ alg: 'HS256' }, { ...payload, ...bad }, secret);
      expect(await me(token)).toMatchObject(INVALID);
    }
    expect(await me(signedToken({ alg: 'HS512' }, payload, secret))).toMatchObject(INVALID);
  });

  it('issuer and audience are checked when they are configured', async () => {
    const issuer = 'https://id.example.com';
    await boot({ ...base, OIDC_ISSUER_URL: issuer, OIDC_AUDIENCE: 'mesh' });
    await me(developmentToken(secret, { roles, issuer, audience: 'mesh' })).expect(200);
    for (const claims of [{ roles }, { roles, issuer }, { roles, issuer, audience: 'other' }]) {
      expect(await me(developmentToken(secret, claims))).toMatchObject(INVALID);
    }
  });

  it('roles outside ROLES are dropped', async () => {
    await boot({ ...base, ROLES: 'manager' });
    const response = await me(developmentToken(secret, { roles: [...roles, 'admin'] }));
    expect(response.body).toMatchObject({ roles: ['manager', 'admin'], acting_role: 'manager' });
  });

  it('the controller makes its own secret when nothing is configured', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'auth-'));
    try {
      await boot({ DATA_DIR: directory });
      await me(developmentToken(developmentSecret(directory), { roles })).expect(200);
      expect(await me(developmentToken(secret, { roles }))).toMatchObject(INVALID);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error('it did not come true within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function untilAnswered(send: () => request.Test, status: number): Promise<void> {
  let last = 0;
  const deadline = Date.now() + 5000;
  while (last !== status && Date.now() < deadline) last = (await send()).status;
  expect(last).toBe(status);
}
