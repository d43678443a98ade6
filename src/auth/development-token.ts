import jwt from 'jsonwebtoken';

/** The content of a development token. */
export interface DevelopmentClaims {
  /** The roles, at least one. The first is the default role. */
  readonly roles: readonly string[];
  /** Default: `<first role>-agent`. */
  readonly sub?: string;
  /** Lifetime in seconds. Default: 8 hours. */
  readonly expiresInSeconds?: number;
  /** Default: `agent-mesh-dev`. */
  readonly issuer?: string;
  /** Default: none. */
  readonly audience?: string;
  /** Whether it is the token of a person. It then has the claim `idtyp` with the value `user`, as in Entra ID. */
  readonly human?: boolean;
}

const DEFAULT_SECONDS = 8 * 3600;

/** Signs an HS256 token (RFC 7519) that the controller accepts when it holds the same secret. */
export function developmentToken(secret: string, claims: DevelopmentClaims): string {
  const { roles, expiresInSeconds = DEFAULT_SECONDS, issuer = 'agent-mesh-dev', audience } = claims;
  const [role] = roles;
  if (role === undefined) throw new Error('a token needs at least one role');
  const iat = Math.floor(Date.now() / 1000);
  const payload = {
    iss: issuer,
    sub: claims.sub ?? `${role}-agent`,
    ...(audience === undefined ? {} : { aud: audience }),
    role,
    roles,
    ...(claims.human && { idtyp: 'user' }),
    iat,
    exp: iat + expiresInSeconds,
  };
  return jwt.sign(payload, secret, { algorithm: 'HS256' });
}
