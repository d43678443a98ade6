import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import Provider, { type Configuration, type KoaContextWithOIDC } from 'oidc-provider';

const AUDIENCE = 'agent-mesh';
/** The scope of the controller's API. */
const SCOPE = 'mesh';
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** Client id of the console: a public client, authorization code with PKCE. */
export const CONSOLE_CLIENT = 'mesh-console';
/** Client id of the command line: a public client, device flow (RFC 8628). */
export const CLI_CLIENT = 'mesh-cli';

export interface OidcProviderOptions {
  /** The roles by person or client id. A person signs in with this name and any password. */
  roles: Record<string, readonly string[]>;
  /** Client ids and secrets of software that uses client credentials. */
  clients?: Record<string, string>;
  /** Redirect URIs of the console, with their origins in CORS. */
  redirectUris?: readonly string[];
  /** Lifetime of access tokens, in seconds. */
  accessTokenSeconds?: number;
}

/**
 * A certified OpenID provider (`oidc-provider`) in this process, on a free port of the loopback interface: authorization
 * code with PKCE, device flow, client credentials, and refresh tokens that are rotated. Its access tokens are JWTs with
 * the claim `roles`. People sign in on a page with the field `login`, without a consent page.
 */
export class OidcProvider {
  /** Grant types of the token requests that succeeded, in order. */
  readonly grants: string[] = [];
  /** The client of each token that was issued. */
  readonly clients: string[] = [];

  private constructor(
    private readonly server: Server,
    readonly issuer: string,
  ) {}

  static async start(options: OidcProviderOptions): Promise<OidcProvider> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP server');
    const issuer = `http://127.0.0.1:${address.port}`;
    const started = new OidcProvider(server, issuer);
    const provider = new Provider(issuer, configurationOf(options));
    provider.on('grant.success', ({ oidc }) => {
      started.grants.push(String(oidc.params?.grant_type));
      started.clients.push(String(oidc.client?.clientId));
    });
    const answer = provider.callback();
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.startsWith('/interaction/')) void signIn(provider, request, response);
      else void answer(request, response);
    });
    return started;
  }

  /** Variables with which the controller accepts the tokens of this provider. */
  get controllerEnv(): Record<string, string> {
    return {
      OIDC_ISSUER_URL: this.issuer,
      OIDC_JWKS_URL: `${this.issuer}/jwks`,
      OIDC_AUDIENCE: AUDIENCE,
      OIDC_ALLOW_HTTP: 'true',
    };
  }

  /** Gets an access token with client credentials. */
  async clientToken(id: string, secret: string): Promise<string> {
    const response = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    const { access_token } = (await response.json()) as { access_token: string };
    return access_token;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function configurationOf({
  roles,
  clients = {},
  redirectUris = [],
  accessTokenSeconds = 300,
}: OidcProviderOptions): Configuration {
  return {
    clients: [
      {
        client_id: CONSOLE_CLIENT,
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: redirectUris.length > 0 ? [...redirectUris] : ['http://127.0.0.1/console'],
        post_logout_redirect_uris: [...redirectUris],
      },
      {
        client_id: CLI_CLIENT,
        token_endpoint_auth_method: 'none',
        grant_types: [DEVICE_GRANT, 'refresh_token'],
        response_types: [],
        redirect_uris: [],
      },
      ...Object.entries(clients).map(([client_id, client_secret]) => ({
        client_id,
        client_secret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      })),
    ],
    scopes: ['openid', 'offline_access', SCOPE],
    claims: { openid: ['sub', 'roles'] },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (context, form) => {
          show(context, 'Enter the code', form);
        },
        userCodeConfirmSource: (context, form, _client, _device, code) => {
          show(context, `Confirm the code ${code}`, form);
        },
        successSource: (context) => {
          show(context, 'You are signed in', '');
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          show(context, 'Sign out', form);
        },
        postLogoutSuccessSource: (context) => {
          show(context, 'You are signed out', '');
        },
      },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => `urn:${AUDIENCE}`,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: SCOPE,
          audience: AUDIENCE,
          accessTokenTTL: accessTokenSeconds,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    clientBasedCORS: () => true,
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, roles: roles[accountId] ?? [] }),
    }),
    extraTokenClaims: (_, token) => {
      const name = 'accountId' in token ? token.accountId : token.clientId;
      return { roles: roles[name ?? ''] ?? [] };
    },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    // Everything is granted without a consent page.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId,
        accountId: oidc.session?.accountId,
      });
      grant.addOIDCScope(`openid offline_access ${SCOPE}`);
      grant.addResourceScope(`urn:${AUDIENCE}`, SCOPE);
      await grant.save();
      return grant;
    },
    jwks: { keys: [signingKey()] },
    cookies: { keys: ['a key for the cookies of tests'] },
    ttl: {
      AccessToken: accessTokenSeconds,
      ClientCredentials: accessTokenSeconds,
      DeviceCode: 600,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
    },
  };
}

/** Shows a page. Its form has no button of its own. */
function show(context: KoaContextWithOIDC, title: string, form: string): void {
  const button =
    form &&
    `<button type="submit" form="${/id="([^"]+)"/.exec(form)?.[1] ?? ''}">Continue</button>`;
  context.body = `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${form}${button}</html>`;
}

let key: object | undefined;

/** One key for all providers of this process: making one takes long. */
function signingKey(): object {
  key ??= {
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
    use: 'sig',
    alg: 'RS256',
  };
  return key;
}

const SIGN_IN_PAGE = `<!doctype html><html lang="en"><title>Sign in</title>
<form method="post"><label>Name <input name="login" autofocus></label><button type="submit">Sign in</button></form></html>`;

/** The page on which a person signs in. */
async function signIn(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html').end(SIGN_IN_PAGE);
    return;
  }
  const accountId = new URLSearchParams(await text(request)).get('login') ?? '';
  await provider.interactionFinished(request, response, { login: { accountId } });
}
