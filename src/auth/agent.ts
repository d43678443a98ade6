/** `human`: a person. `agent`: software. */
export type AgentKind = 'human' | 'agent';

/** The caller, an AI agent or a person, as identified by a verified token. */
export interface Agent {
  /** `iss#sub` of the token. Unique per subject. */
  readonly subject: string;
  /** The roles that the subject can act for. */
  readonly roles: readonly string[];
  /** The role to act for if a request names none: the `role` claim, else the first of `DEFAULT_ROLE_PRECEDENCE`. */
  readonly defaultRole?: string;
  /** Id of the token (`jti`), if it has one. */
  readonly tokenId?: string;
  /** Issue time of the token (`iat`), in seconds since the epoch. */
  readonly issuedAt?: number;
  /** Expiry time of the token (`exp`), in seconds since the epoch. */
  readonly expiresAt?: number;
  /** `human` if the claims of the token meet `HUMAN_CLAIMS`. */
  readonly kind: AgentKind;
}
