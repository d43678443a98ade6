import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Injectable, Logger, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { Algorithm, Jwt, VerifyOptions } from 'jsonwebtoken';
import { type JwtFromRequestFunction, Strategy } from 'passport-jwt';
import { Environment } from '../config/environment.js';
import type { Agent } from './agent.js';
import { acceptedAudiences } from './audiences.js';
import { bearerToken, maxTokenBytes } from './bearer-token.js';
import { isRecord } from '../common/is-record.js';
import { parseRolesMap, type RolesMap } from '../config/roles-map.js';
import { agentFromClaims } from './token-claims.js';
import { humanCheck } from './human-claims.js';
import { keyFor, type UsedKey } from './token-key.js';
import { VerificationKeys } from './verification-keys.js';
import { VerifiedTokensService } from './verified-tokens.service.js';

/** The options of passport-jwt in use. Its own types do not allow a `KeyObject` as the key. */
interface Options {
  jwtFromRequest: JwtFromRequestFunction;
  secretOrKeyProvider: (
    request: IncomingMessage,
    token: string,
    done: (error: unknown, key?: KeyObject) => void,
  ) => void;
  algorithms: Algorithm[];
  ignoreExpiration: boolean;
  jsonWebTokenOptions: VerifyOptions;
  passReqToCallback: true;
}

const KeyObjectStrategy: Type<Strategy> = Strategy;

/**
 * Verifies the signature of the bearer token of a request (RFC 7515), then its claims (RFC 7519), and returns the caller.
 * Adds the token to {@link VerifiedTokensService}.
 */
@Injectable()
export class JwtStrategy extends PassportStrategy(KeyObjectStrategy, 'jwt') {
  /** The signing key of the token of each request. */
  private readonly used: WeakMap<IncomingMessage, UsedKey>;
  private readonly audiences: readonly string[];
  private readonly rolesMap?: RolesMap;
  private readonly logger = new Logger('Authentication');
  private readonly kindOf: ReturnType<typeof humanCheck>;

  constructor(
    keys: VerificationKeys,
    private readonly verified: VerifiedTokensService,
    private readonly environment: Environment,
  ) {
    const used = new WeakMap<IncomingMessage, UsedKey>();
    const options: Options = {
      jwtFromRequest: (request: IncomingMessage) =>
        bearerToken(request, maxTokenBytes(environment)),
      secretOrKeyProvider: (request, token, done) => {
        keyFor(token, keys)
          .then((found) => {
            used.set(request, found);
            done(null, found.key);
          })
          .catch(done);
      },
      algorithms: [...keys.algorithms],
      // validate() checks the times with the other claims; `complete` passes the header to it.
      ignoreExpiration: true,
      jsonWebTokenOptions: { complete: true, ignoreNotBefore: true },
      passReqToCallback: true,
    };
    super(options);
    this.used = used;
    this.audiences = acceptedAudiences(environment);
    this.kindOf = humanCheck(environment.HUMAN_CLAIMS);
    const { OIDC_ROLES_MAP } = environment;
    this.rolesMap = OIDC_ROLES_MAP === undefined ? undefined : parseRolesMap(OIDC_ROLES_MAP);
  }

  async validate(request: IncomingMessage, { header, payload }: Jwt): Promise<Agent> {
    const { OIDC_ISSUER_URL, OIDC_AUDIENCE, OIDC_ROLES_CLAIM } = this.environment;
    const { OIDC_CLIENT_IDS, ROLES, DEFAULT_ROLE_PRECEDENCE } = this.environment;
    // The signature was verified with the keys of this issuer.
    const issuer = OIDC_ISSUER_URL.find((url) => isRecord(payload) && payload['iss'] === url);
    const caller = agentFromClaims(header, payload, {
      issuer: issuer ?? OIDC_ISSUER_URL[0],
      audiences: this.audiences,
      clients: OIDC_AUDIENCE,
      clientIds: OIDC_CLIENT_IDS,
      rolesMap: this.rolesMap,
      onIgnoredRoles: (count) => {
        this.logger.warn({
          event: 'roles_ignored',
          reason: 'longer than 50 characters',
          count,
          issuer,
        });
      },
      rolesClaim: OIDC_ROLES_CLAIM,
      roleAllowList: ROLES,
      rolePrecedence: DEFAULT_ROLE_PRECEDENCE,
      nowSeconds: Date.now() / 1000,
    });
    const agent = { ...caller, kind: this.kindOf(payload) };
    const used = this.used.get(request);
    if (used && typeof payload === 'object') {
      const { exp, iat, nbf } = payload;
      await this.verified.add(bearerToken(request, maxTokenBytes(this.environment)), {
        ...used,
        payload: { exp, iat, nbf },
        agent,
      });
    }
    return agent;
  }
}
