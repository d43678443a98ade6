import { CredentialsError } from '../errors.js';
import { OidcProvider } from './oidc-provider.js';
import { readSecretFile } from './read-secret-file.js';
import type { TokenContext, TokenProvider } from './token-provider.js';

/** Options of OAuth 2.0 client credentials. */
export interface ClientCredentialsOptions {
  /** Issuer URL of the identity provider, as in `iss` of its tokens. The token endpoint is discovered from it. */
  readonly issuer: string;
  /** Id of the client at the identity provider. */
  readonly clientId: string;
  /** Secret of the client. */
  readonly clientSecret?: string | undefined;
  /** A file with the secret, instead of `clientSecret`. It is read again for each new token. */
  readonly clientSecretFile?: string | undefined;
  /** Sent as `scope`, for identity providers that need it. */
  readonly scope?: string | undefined;
  /** Sent as `audience`, for identity providers that need it. */
  readonly audience?: string | undefined;
  /** Sent as `resource` (RFC 8707), for identity providers that need it. */
  readonly resource?: string | undefined;
  /** The token endpoint, instead of discovery. */
  readonly tokenEndpoint?: string | undefined;
  /** Time limit of a request to the identity provider in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Replaces the global `fetch` for requests to the identity provider. */
  readonly fetch?: typeof fetch | undefined;
}

interface Token {
  readonly value: string;
  /** Times in milliseconds since the epoch. */
  readonly renewAt: number;
  readonly expiresAt: number;
}

/** Lifetime of a token whose response does not contain it, in seconds. */
const DEFAULT_SECONDS = 60;
/** A token is renewed after this part of its lifetime. */
const RENEW_AFTER = 0.75;
/** After a renewal has failed, the token that is still valid is used for this long before the next try. */
const RETRY_MS = 5_000;

/**
 * Returns a provider of tokens by OAuth 2.0 client credentials (RFC 6749 section 4.4). It renews a token after three
 * quarters of its lifetime. Requests at the same time share one renewal. While the identity provider is down, a token is
 * used until it expires.
 *
 * The provider throws CredentialsError: `mesh.credentials_refused`, `mesh.issuer_unreachable` or `mesh.issuer_invalid`.
 */
export function clientCredentials(options: ClientCredentialsOptions): TokenProvider {
  const credentials = new ClientCredentials(options);
  return (context) => credentials.token(context);
}

class ClientCredentials {
  private readonly provider: OidcProvider;
  private current: Token | undefined;
  private renewal: Promise<Token> | undefined;

  constructor(private readonly options: ClientCredentialsOptions) {
    assertOptions(options);
    this.provider = new OidcProvider(options);
  }

  async token({ rejected }: TokenContext = {}): Promise<string> {
    const { current } = this;
    const now = Date.now();
    const isUsable = current !== undefined && current.value !== rejected && now < current.expiresAt;
    if (isUsable && now < current.renewAt) return current.value;
    try {
      return (await this.renew()).value;
    } catch (error) {
      if (!isUsable) throw error;
      this.current = { ...current, renewAt: Date.now() + RETRY_MS };
      return current.value;
    }
  }

  /** Requests a new token. Calls at the same time share one request. */
  private renew(): Promise<Token> {
    this.renewal ??= this.request().finally(() => {
      this.renewal = undefined;
    });
    return this.renewal;
  }

  private async request(): Promise<Token> {
    const { clientId, clientSecret, clientSecretFile, scope, audience, resource } = this.options;
    const secret = clientSecret ?? readSecretFile(clientSecretFile ?? '');
    const requestedAt = Date.now();
    const granted = await this.provider.requestToken(
      { clientId, secret },
      { grant_type: 'client_credentials', scope, audience, resource },
    );
    const lifetimeMs = (granted.expiresInSeconds ?? DEFAULT_SECONDS) * 1000;
    this.current = {
      value: granted.accessToken,
      renewAt: requestedAt + lifetimeMs * RENEW_AFTER,
      expiresAt: requestedAt + lifetimeMs,
    };
    return this.current;
  }
}

function assertOptions({ clientId, clientSecret, clientSecretFile }: ClientCredentialsOptions) {
  const problem =
    clientId === ''
      ? 'clientId is empty.'
      : (clientSecret ?? '') === '' && (clientSecretFile ?? '') === ''
        ? 'Set clientSecret or clientSecretFile.'
        : clientSecret !== undefined && clientSecretFile !== undefined
          ? 'Set either clientSecret or clientSecretFile, not both.'
          : undefined;
  if (problem !== undefined) throw new CredentialsError('mesh.credentials_invalid', problem);
}
