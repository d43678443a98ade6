import { type AgentCard, type AgentCardSignature, canonicalizeAgentCard } from '@a2a-js/sdk';
import { Injectable, Logger } from '@nestjs/common';
import { thumbprint, toJwk } from '../../packages/verify/src/jws.js';
import type { SigningKey } from '../audit-log/signing-key.js';
import { SigningKeyService } from '../audit-log/signing-key.service.js';
import { type CardTexts, readCards } from '../config/a2a-cards.js';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { messageOf } from '../errors/error-text.js';
import { WebhookSecretsService } from '../webhooks/webhook-secrets.service.js';
import { agentCard } from './agent-card.js';

/** The path of the signing keys of the cards of a role, below that of the agent. */
export const KEYS_PATH = '.well-known/jwks.json';

/** A set of public keys (RFC 7517). */
export interface KeySet {
  readonly keys: readonly object[];
}

/**
 * The agent cards of the roles in `A2A_ROLES`. With `PUBLIC_URL` they are signed with the key of the sealed audit log.
 * Without it the URLs in a card come from the request, so a signature would vouch for a URL that the client chose.
 */
@Injectable()
export class AgentCardsService {
  private readonly logger = new Logger(AgentCardsService.name);
  /** `PUBLIC_URL` without a trailing slash. */
  private readonly publicUrl: string | undefined;
  private readonly texts: ReadonlyMap<string, CardTexts>;
  /** Signed cards by role and kind. They do not change while the process runs. */
  private readonly signed = new Map<string, Promise<AgentCard>>();

  constructor(
    private readonly environment: Environment,
    private readonly keys: SigningKeyService,
    private readonly secrets: WebhookSecretsService,
  ) {
    const { A2A_CARDS_FILE, PUBLIC_URL } = environment;
    this.publicUrl = PUBLIC_URL && new URL(PUBLIC_URL).href.replace(/\/+$/, '');
    this.texts = A2A_CARDS_FILE === undefined ? new Map() : readCards(A2A_CARDS_FILE);
  }

  /** @throws DomainError `request.route_not_found` if the role is no A2A agent */
  assertAgent(role: string): void {
    if (this.environment.A2A_ROLES.includes(role)) return;
    throw new DomainError(
      'request.route_not_found',
      'There is no A2A agent of this name. The operator lists the roles that are agents in A2A_ROLES.',
    );
  }

  /** Returns the role whose card is the one of the host; see RFC 8615. */
  defaultRole(): string {
    const [role = ''] = this.environment.A2A_ROLES;
    this.assertAgent(role);
    return role;
  }

  /**
   * Returns the card of a role.
   *
   * @param requestUrl the URL of the controller for this request, for the URLs in the card without `PUBLIC_URL`
   */
  get(role: string, requestUrl: string, isExtended = false): Promise<AgentCard> {
    const { key } = this.keys;
    const card = this.unsigned(role, this.publicUrl ?? requestUrl, isExtended);
    if (key === undefined || this.publicUrl === undefined) return Promise.resolve(card);
    const name = `${isExtended ? 'extended' : 'public'} ${role}`;
    const known = this.signed.get(name);
    if (known) return known;
    const jku = `${agentUrl(this.publicUrl, role)}/${KEYS_PATH}`;
    const signed = withSignature(card, key, jku).catch((error: unknown) => {
      // The key is in another service, which does not respond at the moment.
      this.signed.delete(name);
      this.logger.warn(`The agent card of ${role} is not signed. ${messageOf(error)}`);
      return card;
    });
    this.signed.set(name, signed);
    return signed;
  }

  /** Returns the card of a role without a signature, for checks in this process. */
  unsigned(role: string, publicUrl: string, isExtended = false): AgentCard {
    return agentCard({
      role,
      url: agentUrl(publicUrl, role),
      issuers: this.environment.OIDC_ISSUER_URL,
      texts: this.texts.get(role) ?? { skills: [] },
      isExtended,
      pushNotifications: this.secrets.isConfigured,
    });
  }

  /** Returns the keys that can have signed cards. */
  keySet(): KeySet {
    return {
      keys: this.keys
        .publicKeys()
        .map((key) => ({ ...toJwk(key), kid: thumbprint(key), use: 'sig', alg: ALGORITHM })),
    };
  }
}

function agentUrl(publicUrl: string, role: string): string {
  return `${publicUrl}/a2a/${encodeURIComponent(role)}`;
}

const ALGORITHM = 'EdDSA';

/** Signs the canonical form of a card (A2A 1.0, section 8.4) as a JWS (RFC 7515). */
async function withSignature(card: AgentCard, key: SigningKey, jku: string): Promise<AgentCard> {
  const header = { alg: ALGORITHM, typ: 'JOSE', kid: thumbprint(key.publicKey), jku };
  const [encoded, payload] = [JSON.stringify(header), canonicalizeAgentCard(card)].map((text) =>
    Buffer.from(text).toString('base64url'),
  );
  const bytes = await key.sign(Buffer.from(`${encoded}.${payload}`));
  const signature: AgentCardSignature = {
    protected: encoded ?? '',
    signature: bytes.toString('base64url'),
    header: undefined,
  };
  return { ...card, signatures: [signature] };
}
