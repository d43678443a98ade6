import { clientCredentials, tokenFile, type TokenProvider } from '@agent-mesh/client';
import type { CredentialsStore, DeviceTokens, StoredLogin } from './credentials-store.js';
import { usageError } from './failure.js';
import { discoverIssuer } from './issuer.js';
import { loginAgain, refreshTokens } from './oauth.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** Where the token comes from. */
export interface TokenSource {
  /** For people: the variable or the login. */
  readonly description: string;
  readonly provider: TokenProvider;
}

/** A token is renewed this long before it expires. */
const RENEW_BEFORE_MS = 30_000;

/**
 * Returns the source of the token for a controller: the environment, else the login that is stored. Undefined: there is
 * neither.
 *
 * @throws CliError if the environment names more than one
 */
export function findTokenSource(
  url: string,
  store: CredentialsStore,
  variables: Variables = process.env,
): TokenSource | undefined {
  const { MESH_TOKEN, MESH_TOKEN_FILE, MESH_CLIENT_ID } = variables;
  const set = Object.entries({ MESH_TOKEN, MESH_TOKEN_FILE, MESH_CLIENT_ID }).filter(
    ([, value]) => value,
  );
  if (set.length > 1) throw usageError(`Set only one of ${set.map(([name]) => name).join(', ')}.`);
  if (MESH_TOKEN) return { description: 'MESH_TOKEN', provider: () => MESH_TOKEN };
  if (MESH_TOKEN_FILE)
    return {
      description: `MESH_TOKEN_FILE (${MESH_TOKEN_FILE})`,
      provider: tokenFile(MESH_TOKEN_FILE),
    };
  if (MESH_CLIENT_ID)
    return {
      description: `MESH_CLIENT_ID (${MESH_CLIENT_ID})`,
      provider: clientFromEnvironment(url, MESH_CLIENT_ID, variables),
    };
  const login = store.find(url);
  return login && fromLogin(url, login, store);
}

function clientFromEnvironment(url: string, clientId: string, variables: Variables): TokenProvider {
  const { MESH_CLIENT_SECRET, MESH_CLIENT_SECRET_FILE, MESH_ISSUER_URL } = variables;
  const { MESH_SCOPE, MESH_AUDIENCE } = variables;
  if (Boolean(MESH_CLIENT_SECRET) === Boolean(MESH_CLIENT_SECRET_FILE))
    throw usageError('MESH_CLIENT_ID requires MESH_CLIENT_SECRET or MESH_CLIENT_SECRET_FILE.');
  let provider: TokenProvider | undefined;
  return async (context) => {
    provider ??= clientCredentials({
      issuer: MESH_ISSUER_URL || (await discoverIssuer(url)),
      clientId,
      clientSecret: MESH_CLIENT_SECRET || undefined,
      clientSecretFile: MESH_CLIENT_SECRET_FILE || undefined,
      scope: MESH_SCOPE || undefined,
      audience: MESH_AUDIENCE || undefined,
    });
    return provider(context);
  };
}

function fromLogin(url: string, login: StoredLogin, store: CredentialsStore): TokenSource {
  switch (login.kind) {
    case 'token':
      return { description: 'a token of mesh login', provider: () => login.token };
    case 'file':
      return { description: `the token file ${login.file}`, provider: tokenFile(login.file) };
    case 'client':
      return {
        description: `client credentials of ${login.clientId} at ${login.issuer}`,
        provider: clientCredentials(login),
      };
    case 'device':
      return {
        description: `a device login at ${login.issuer}`,
        provider: deviceProvider(url, store),
      };
  }
}

function deviceProvider(url: string, store: CredentialsStore): TokenProvider {
  return async ({ rejected } = {}) => {
    const isUsable = ({ accessToken, expiresAt }: DeviceTokens): boolean =>
      accessToken !== rejected && Date.now() < expiresAt - RENEW_BEFORE_MS;
    const { tokens } = deviceLoginOf(url, store);
    if (isUsable(tokens)) return tokens.accessToken;
    return store.locked(async () => {
      // Another process may have renewed it meanwhile.
      const login = deviceLoginOf(url, store);
      if (isUsable(login.tokens)) return login.tokens.accessToken;
      const { refreshToken } = login.tokens;
      if (refreshToken === undefined) throw loginAgain('there is no refresh token');
      const renewed = await refreshTokens(login.issuer, login.clientId, refreshToken);
      store.save(url, { ...login, tokens: renewed });
      return renewed.accessToken;
    });
  };
}

function deviceLoginOf(url: string, store: CredentialsStore) {
  const login = store.find(url);
  if (login?.kind !== 'device') throw loginAgain('the login was removed');
  return login;
}
