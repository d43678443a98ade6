import type { KeyObject } from 'node:crypto';
import { Injectable, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { Algorithm, Jwt, VerifyOptions } from 'jsonwebtoken';
import { type JwtFromRequestFunction, Strategy } from 'passport-jwt';
import { Environment } from '../config/environment.js';
import type { Agent } from './agent.js';
import { bearerToken } from './bearer-token.js';
import { agentFromClaims } from './claims.js';
import { keyFor } from './token-key.js';
import { VerificationKeys } from './verification-keys.js';

/** The options of passport-jwt that we use; its own typings do not know that a key may be a `KeyObject`. */
interface Options {
  jwtFromRequest: JwtFromRequestFunction;
  secretOrKeyProvider: (
    request: unknown,
    token: string,
    done: (error: unknown, key?: KeyObject) => void,
  ) => void;
  algorithms: Algorithm[];
  ignoreExpiration: boolean;
  jsonWebTokenOptions: VerifyOptions;
}

const KeyObjectStrategy: Type<Strategy> = Strategy;

/** Verifies the signature of a request's bearer token (RFC 7515), then its claims (RFC 7519), and says who calls. */
@Injectable()
export class JwtStrategy extends PassportStrategy(KeyObjectStrategy, 'jwt') {
  constructor(
    keys: VerificationKeys,
    private readonly environment: Environment,
  ) {
    const options: Options = {
      jwtFromRequest: bearerToken,
      secretOrKeyProvider: (_request, token, done) => {
        keyFor(token, keys)
          .then((key) => {
            done(null, key);
          })
          .catch(done);
      },
      algorithms: [...keys.algorithms],
      // The times are claims like the others; `complete` hands the header on to be checked with them.
      ignoreExpiration: true,
      jsonWebTokenOptions: { complete: true, ignoreNotBefore: true },
    };
    super(options);
  }

  validate({ header, payload }: Jwt): Agent {
    const { OIDC_ISSUER_URL, OIDC_AUDIENCE, ROLES } = this.environment;
    return agentFromClaims(header, payload, {
      issuer: OIDC_ISSUER_URL,
      audience: OIDC_AUDIENCE,
      roleAllowList: ROLES,
      nowSeconds: Date.now() / 1000,
    });
  }
}
