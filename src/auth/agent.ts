/** Whether a subject is a person or software. */
export type AgentKind = 'human' | 'agent';

/** Who calls: an AI agent, or a person, known by a verified token. */
export interface Agent {
  /** Issuer and `sub` of the token as one string, `issuer#sub`: never the same for two subjects. */
  readonly subject: string;
  /** The org roles the subject may act for. */
  readonly roles: readonly string[];
  /** The token's single `role` claim: the one to act for when a request names none. */
  readonly defaultRole?: string;
  /** When the token was issued (`iat`), in seconds since the epoch. */
  readonly issuedAt?: number;
  /** `human` if the claims of the token meet `HUMAN_CLAIMS`. */
  readonly kind: AgentKind;
}
