import { Module } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { AuthenticationService } from './authentication.service.js';
import { fetchKeys } from './fetch-keys.js';
import { IssuerKeys } from './issuer-keys.js';
import { JwtStrategy } from './jwt.strategy.js';
import { JwksCache } from './jwks-cache.js';
import { MeController } from './me.controller.js';
import { PolicyChecksService } from './policy-checks.service.js';
import { RoutePoliciesService } from './route-policies.service.js';
import { signingSecret } from './signing-secret.js';
import { SharedSecret, VerificationKeys } from './verification-keys.js';
import { VerifiedTokensService } from './verified-tokens.service.js';

/**
 * Authentication and the policy: signing keys, token verification, the policies of routes and `GET /me`. The application
 * registers `JwtGuard` and `PolicyInterceptor` for all routes.
 */
@Module({
  controllers: [MeController],
  providers: [
    AuthenticationService,
    JwtStrategy,
    VerifiedTokensService,
    PolicyChecksService,
    RoutePoliciesService,
    { provide: VerificationKeys, inject: [Environment], useFactory: verificationKeys },
  ],
  exports: [
    AuthenticationService,
    VerifiedTokensService,
    VerificationKeys,
    PolicyChecksService,
    RoutePoliciesService,
  ],
})
export class AuthModule {}

function verificationKeys(environment: Environment): VerificationKeys {
  const { OIDC_ISSUER_URL, OIDC_JWKS_URL } = environment;
  if (OIDC_JWKS_URL.length === 0) return new SharedSecret(signingSecret(environment));
  const caches = new Map(
    OIDC_JWKS_URL.map((url): [string, JwksCache] => [url, new JwksCache(() => fetchKeys(url))]),
  );
  const sources = OIDC_ISSUER_URL.map((issuer, index): [string, JwksCache | undefined] => [
    issuer,
    caches.get(OIDC_JWKS_URL[index] ?? ''),
  ]);
  return new IssuerKeys(new Map(sources.filter(hasKeys)));
}

function hasKeys(source: [string, JwksCache | undefined]): source is [string, JwksCache] {
  return source[1] !== undefined;
}
