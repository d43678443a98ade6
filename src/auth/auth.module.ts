import { Module } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { fetchKeys } from './fetch-keys.js';
import { JwtStrategy } from './jwt.strategy.js';
import { KeySet } from './key-set.js';
import { MeController } from './me.controller.js';
import { signingSecret } from './signing-secret.js';
import { SharedSecret, VerificationKeys } from './verification-keys.js';
import { VerifiedTokens } from './verified-tokens.js';

/** Authentication: signing keys, token verification and `GET /me`. The application registers `JwtGuard` for all routes. */
@Module({
  controllers: [MeController],
  providers: [
    JwtStrategy,
    VerifiedTokens,
    { provide: VerificationKeys, inject: [Environment], useFactory: verificationKeys },
  ],
  exports: [VerifiedTokens, VerificationKeys],
})
export class AuthModule {}

function verificationKeys(environment: Environment): VerificationKeys {
  const { OIDC_JWKS_URL } = environment;
  return OIDC_JWKS_URL === undefined
    ? new SharedSecret(signingSecret(environment))
    : new KeySet(() => fetchKeys(OIDC_JWKS_URL));
}
