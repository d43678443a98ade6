import { type Server } from 'node:http';
import { afterEach, beforeEach } from '@jest/globals';
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
import { fetchKeys } from '../../src/auth/fetch-keys.js';
import { JwksCache } from '../../src/auth/jwks-cache.js';
import { JwtGuard } from '../../src/auth/jwt.guard.js';
import { Policy } from '../../src/auth/policy.decorator.js';
import { VerificationKeys } from '../../src/auth/verification-keys.js';
import { parseEnvironment } from '../../src/config/parse-environment.js';
import { EnvironmentModule } from '../../src/config/environment.module.js';
import { DomainError } from '../../src/errors/domain-error.js';
import { statusOf } from '../../src/errors/error-codes.js';
import { ObservabilityModule } from '../../src/observability/observability.module.js';
import { requestContext, withRequestContext } from '../../src/observability/request-context.js';
import { StubIssuer, type StubKey } from './stub-issuer.js';

@Controller()
class StubController {
  @Get('open')
  @Policy('status.read')
  open(): { open: boolean } {
    return { open: true };
  }

  @Get('context')
  @Policy('me.read')
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
  imports: [AuthModule, ObservabilityModule],
  controllers: [StubController],
  providers: [
    { provide: APP_GUARD, useClass: JwtGuard },
    { provide: APP_FILTER, useClass: StubFilter },
  ],
})
class StubModule {}

/** An application with only the authentication of the controller, and the route `GET /me`. */
export class AuthApp {
  private running?: INestApplication<Server>;

  /** Starts the application with these variables, and with keys other than those of the provider if given. */
  async boot(variables: Record<string, string>, keys?: JwksCache): Promise<void> {
    const environment = EnvironmentModule.forRoot(parseEnvironment(variables));
    const builder = Test.createTestingModule({ imports: [environment, StubModule] });
    if (keys !== undefined) builder.overrideProvider(VerificationKeys).useValue(keys);
    const module = await builder.compile();
    this.running = module.createNestApplication<INestApplication<Server>>();
    this.running.useLogger(false);
    this.running.use((_request: unknown, _response: unknown, next: () => void) => {
      withRequestContext({ traceId: '00000000-0000-4000-8000-000000000000' }, next);
    });
    await this.running.listen(0, '127.0.0.1');
  }

  get app(): INestApplication<Server> {
    if (!this.running) throw new Error('boot() starts the application.');
    return this.running;
  }

  /** Sends `GET /me` with a bearer token. */
  me(token: string): request.Test {
    return this.get('/me').set('Authorization', `Bearer ${token}`);
  }

  get(path: string): request.Test {
    return request(this.app.getHttpServer()).get(path);
  }
}

/** An application for each test of a `describe`, which the test boots; it stops after the test. */
export function useAuthApp(): AuthApp {
  const auth = new AuthApp();
  afterEach(() => auth.app.close());
  return auth;
}

export function problem(status: number, code: string) {
  return { status, body: { code } };
}

export const INVALID = problem(401, 'auth.token_invalid');
export const UNAVAILABLE = problem(503, 'auth.keys_unavailable');

/** An identity provider with an RSA and an EC key, a new one for each test. */
export class IdentityProvider {
  issuer!: StubIssuer;
  rsa!: StubKey;
  ec!: StubKey;
  /** The time of the cache of signing keys, in milliseconds. */
  now = 0;
}

/** Boots the application of each test with a new identity provider. */
export function useIdentityProvider(auth: AuthApp): IdentityProvider {
  const idp = new IdentityProvider();

  beforeEach(async () => {
    const issuer = await StubIssuer.start();
    idp.issuer = issuer;
    idp.rsa = issuer.addKey('RS256');
    idp.ec = issuer.addKey('ES256');
    idp.now = 0;
    const keys = new JwksCache(
      () => fetchKeys(issuer.jwksUrl),
      () => idp.now,
    );
    await auth.boot(
      {
        OIDC_ISSUER_URL: issuer.issuer,
        OIDC_JWKS_URL: issuer.jwksUrl,
        OIDC_AUDIENCE: issuer.audience,
      },
      keys,
    );
  });

  afterEach(() => idp.issuer.close());

  return idp;
}
