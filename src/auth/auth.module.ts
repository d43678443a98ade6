import { Module } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { fetchKeys } from './fetch-keys.js';
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
    JwtStrategy,
    VerifiedTokensService,
    PolicyChecksService,
    RoutePoliciesService,
    { provide: VerificationKeys, inject: [Environment], useFactory: verificationKeys },
  ],
  exports: [VerifiedTokensService, VerificationKeys, PolicyChecksService, RoutePoliciesService],
})
export class AuthModule {}

function verificationKeys(environment: Environment): VerificationKeys {
  const { OIDC_JWKS_URL } = environment;
  return OIDC_JWKS_URL === undefined
    ? new SharedSecret(signingSecret(environment))
    : new JwksCache(() => fetchKeys(OIDC_JWKS_URL));
}
