import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import { CONSOLE_PATH } from '../api/addresses';
import type { ConsoleConfig } from '../api/console-config';
import { session } from './session';

const CALLBACK_PATH = `${CONSOLE_PATH}/callback`;

/** Seconds before the expiry of the token at which it is renewed. */
const RENEW_SECONDS = 30;

type OidcConfig = NonNullable<ConsoleConfig['oidc']>;

/**
 * Signs in with the authorization code flow and PKCE (RFC 7636). Tokens stay in memory; only the state of a sign-in that
 * has begun is in the storage of the tab. A refresh token renews the access token; without one the person signs in again.
 */
export class OidcSignIn {
  private readonly manager: UserManager;
  private isRenewing = false;

  constructor({ authority, client_id, scope }: OidcConfig) {
    this.manager = new UserManager({
      authority,
      client_id,
      scope,
      redirect_uri: `${location.origin}${CALLBACK_PATH}`,
      post_logout_redirect_uri: `${location.origin}${CONSOLE_PATH}`,
      response_type: 'code',
      automaticSilentRenew: false,
      accessTokenExpiringNotificationTimeInSeconds: RENEW_SECONDS,
      userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
      stateStore: new WebStorageStateStore({ store: sessionStorage }),
    });
    this.manager.events.addAccessTokenExpiring(() => void this.renew());
    this.manager.events.addAccessTokenExpired(() => {
      if (session.token !== undefined) session.expire(session.token);
    });
  }

  /** Leaves for the issuer, which returns to the present page. */
  async begin(): Promise<void> {
    const place = `${location.pathname}${location.search}${location.hash}`;
    await this.manager.signinRedirect({ state: place });
  }

  /** Completes the sign-in and returns the path of the page at which it began. */
  async complete(): Promise<string> {
    const user = await this.manager.signinRedirectCallback();
    await session.signIn(user.access_token);
    return typeof user.state === 'string' ? user.state : CONSOLE_PATH;
  }

  /** Ends the session here, and at the issuer if it supports that. */
  async leave(): Promise<void> {
    const endpoint = await this.manager.metadataService
      .getEndSessionEndpoint()
      .catch(() => undefined);
    if (endpoint === undefined) await this.manager.removeUser();
    else await this.manager.signoutRedirect();
  }

  private async renew(): Promise<void> {
    const user = await this.manager.getUser();
    // Without a refresh token the library would open a frame of the issuer, which the policy of the page forbids. A
    // refresh token is used once: the provider refuses a second use, and can end the session.
    if (user?.refresh_token === undefined || this.isRenewing) return;
    this.isRenewing = true;
    const renewed = await this.manager.signinSilent().catch(() => null);
    this.isRenewing = false;
    if (renewed) session.renew(renewed.access_token);
  }
}
