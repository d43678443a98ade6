import { CredentialsError } from '../errors.js';
import { isObject, type JsonObject, parseJson, textOf } from '../json.js';
import { pause } from '../pause.js';
import { pauseMs } from '../retry.js';

/** Options of an {@link OidcProvider}. */
export interface OidcProviderOptions {
  /** Issuer URL of the identity provider. */
  readonly issuer: string;
  /** The token endpoint, instead of discovery. */
  readonly tokenEndpoint?: string | undefined;
  /** Time limit of a request in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** A client at an identity provider. */
export interface ClientIdentity {
  /** Id of the client. */
  readonly clientId: string;
  /** Secret of the client. */
  readonly secret: string;
}

/** The response of a token endpoint. */
export interface GrantedToken {
  /** The access token. */
  readonly accessToken: string;
  /** Its lifetime, if the response contains it. */
  readonly expiresInSeconds: number | undefined;
}

/** The part of the metadata that a client needs. */
export interface OidcMetadata {
  /** URL that issues tokens. */
  readonly tokenEndpoint: string;
  /** Whether the client authenticates with HTTP Basic, the default of RFC 8414, else in the body. */
  readonly usesBasic: boolean;
  /** RFC 8628, if the provider has it. */
  readonly deviceAuthorizationEndpoint: string | undefined;
}

const TIMEOUT_MS = 10_000;
const MAX_RETRIES = 2;

/** An identity provider: discovery and token requests. */
export class OidcProvider {
  private discovered: OidcMetadata | undefined;
  private readonly issuer: string;

  constructor(private readonly options: OidcProviderOptions) {
    this.issuer = options.issuer.replace(/\/+$/, '');
    const { tokenEndpoint } = options;
    assertSecure(tokenEndpoint ?? options.issuer);
    if (tokenEndpoint !== undefined)
      this.discovered = { tokenEndpoint, usesBasic: true, deviceAuthorizationEndpoint: undefined };
  }

  /** Returns the metadata (OpenID Connect Discovery 1.0, else RFC 8414). They are read once. */
  async metadata(): Promise<OidcMetadata> {
    this.discovered ??= await this.discover();
    return this.discovered;
  }

  /**
   * Requests a token (RFC 6749 section 5). A network error and a response with 429 or 5xx are retried twice.
   *
   * @throws CredentialsError `mesh.credentials_refused`, `mesh.issuer_unreachable` or `mesh.issuer_invalid`
   */
  async requestToken(
    client: ClientIdentity,
    parameters: Readonly<Record<string, string | undefined>>,
  ): Promise<GrantedToken> {
    const { clientId, secret } = client;
    const { tokenEndpoint, usesBasic } = await this.metadata();
    const form = formOf({
      ...parameters,
      ...(!usesBasic && { client_id: clientId, client_secret: secret }),
    });
    const response = await this.fetch(tokenEndpoint, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        ...(usesBasic && { authorization: basicOf(clientId, secret) }),
      },
      body: form.toString(),
    });
    const json = parseJson(await response.text());
    const body = isObject(json) ? json : {};
    if (!response.ok) throw refused(tokenEndpoint, response.status, body);
    return grantedToken(tokenEndpoint, body);
  }

  private async discover(): Promise<OidcMetadata> {
    const url = `${this.issuer}/.well-known/openid-configuration`;
    let response = await this.fetch(url);
    if (response.status === 404) response = await this.fetch(oauthMetadataUrl(this.issuer));
    const json = parseJson(await response.text());
    if (!response.ok || !isObject(json)) {
      const message = `${url} is not the metadata of an identity provider (${response.status}). Check the issuer.`;
      throw new CredentialsError('mesh.issuer_invalid', message);
    }
    return this.toMetadata(json);
  }

  private toMetadata(json: JsonObject): OidcMetadata {
    const tokenEndpoint = textOf(json.token_endpoint);
    const issuer = textOf(json.issuer);
    if (issuer?.replace(/\/+$/, '') !== this.issuer || tokenEndpoint === undefined) {
      const message = `The metadata of ${this.issuer} are those of another issuer (${issuer ?? 'none'}), or have no token_endpoint.`;
      throw new CredentialsError('mesh.issuer_invalid', message);
    }
    assertSecure(tokenEndpoint);
    const methods = json.token_endpoint_auth_methods_supported;
    return {
      tokenEndpoint,
      usesBasic: !Array.isArray(methods) || methods.includes('client_secret_basic'),
      deviceAuthorizationEndpoint: textOf(json.device_authorization_endpoint),
    };
  }

  private async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const { fetch: send = fetch, timeoutMs = TIMEOUT_MS } = this.options;
    for (let retries = 0; ; retries += 1) {
      try {
        const signal = AbortSignal.timeout(timeoutMs);
        const response = await send(url, { ...init, redirect: 'error', signal });
        if (retries === MAX_RETRIES || !isTransient(response.status)) return response;
        await response.body?.cancel();
      } catch (error) {
        if (retries === MAX_RETRIES) throw unreachable(url, error);
      }
      await pause(pauseMs(retries));
    }
  }
}

function isTransient(status: number): boolean {
  return status === 429 || status >= 500;
}

function oauthMetadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`;
}

function grantedToken(endpoint: string, body: JsonObject): GrantedToken {
  const accessToken = textOf(body.access_token);
  if (accessToken === undefined)
    throw new CredentialsError('mesh.issuer_invalid', `${endpoint} returned no access_token.`);
  const seconds = Number(body.expires_in);
  return { accessToken, expiresInSeconds: seconds > 0 ? seconds : undefined };
}

function refused(endpoint: string, status: number, body: JsonObject): CredentialsError {
  const reason = [textOf(body.error), textOf(body.error_description)].filter(Boolean).join(': ');
  const code = isTransient(status) ? 'mesh.issuer_unreachable' : 'mesh.credentials_refused';
  return new CredentialsError(
    code,
    `${endpoint} refused to issue a token (${status}${reason && `, ${reason}`}). Check client id, secret, scope and audience.`,
  );
}

function unreachable(url: string, error: unknown): CredentialsError {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CredentialsError('mesh.issuer_unreachable', `${url} cannot be read: ${reason}`, {
    cause: error,
  });
}

/** Secrets travel over TLS, or inside one machine. */
function assertSecure(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url?.hostname ?? '');
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return;
  const message = `The URL of the identity provider must use https, except on the loopback interface: ${text}`;
  throw new CredentialsError('mesh.credentials_invalid', message);
}

/** RFC 6749 section 2.3.1: both parts are form-encoded before they are encoded for HTTP Basic. */
function basicOf(clientId: string, secret: string): string {
  const [id, password] = [clientId, secret].map((text) => formOf({ text }).toString().slice(5));
  return `Basic ${btoa(`${id ?? ''}:${password ?? ''}`)}`;
}

function formOf(parameters: Readonly<Record<string, string | undefined>>): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) form.set(name, value);
  return form;
}
