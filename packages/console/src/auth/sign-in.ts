import { CONSOLE_PATH } from '../api/addresses';
import type { ConsoleConfig } from '../api/console-config';
import { forgetDevelopmentSession, restoreDevelopmentSession } from './development-sign-in';
import type { OidcSignIn } from './oidc-sign-in';
import { session } from './session';

/** Set while the person is signed in at the issuer, so that a reload returns there without a click. */
const SIGNED_IN = 'agent-mesh.signed-in';
/** Set from the redirect until the API has accepted a token. Another redirect then needs a click, so there is no loop. */
const REDIRECTED = 'agent-mesh.redirected';

/** How people sign in to this controller. */
export class SignIn {
  /** The reason for which the sign-in at the issuer has failed; undefined if it has not. */
  failure: Error | undefined;

  private constructor(
    readonly config: ConsoleConfig,
    private readonly oidc: OidcSignIn | undefined,
  ) {}

  /** Reads the configuration, then continues the session of the tab or completes a sign-in at the issuer. */
  static async start(): Promise<SignIn> {
    const response = await fetch(`${CONSOLE_PATH}/config.json`);
    if (!response.ok) throw new Error(`config.json: ${response.status}`);
    const config = (await response.json()) as ConsoleConfig;
    const signIn = new SignIn(config, config.oidc ? await loadOidc(config.oidc) : undefined);
    await signIn.resume();
    return signIn;
  }

  /** Leaves for the issuer. */
  async begin(): Promise<void> {
    sessionStorage.setItem(REDIRECTED, 'yes');
    await this.oidc?.begin();
  }

  /** Whether to leave for the issuer without a click: the person was signed in there. */
  get mayBeginAtOnce(): boolean {
    const wasSignedIn = sessionStorage.getItem(SIGNED_IN) !== null;
    const isRedirected = sessionStorage.getItem(REDIRECTED) !== null;
    return this.oidc !== undefined && wasSignedIn && !isRedirected;
  }

  async leave(): Promise<void> {
    forgetDevelopmentSession();
    sessionStorage.removeItem(SIGNED_IN);
    session.end('left');
    await this.oidc?.leave();
  }

  private async resume(): Promise<void> {
    if (this.oidc !== undefined && isCallback()) {
      const place = await this.oidc.complete().catch((error: unknown) => {
        this.failure = error instanceof Error ? error : new Error(String(error));
        return undefined;
      });
      history.replaceState(null, '', place ?? CONSOLE_PATH);
      if (place !== undefined) {
        sessionStorage.setItem(SIGNED_IN, 'yes');
        sessionStorage.removeItem(REDIRECTED);
      }
    } else if (this.config.dev_token) await restoreDevelopmentSession();
    if (session.token === undefined) session.end('first');
  }
}

function isCallback(): boolean {
  const parameters = new URLSearchParams(location.search);
  return location.pathname === `${CONSOLE_PATH}/callback` && parameters.has('state');
}

async function loadOidc(config: NonNullable<ConsoleConfig['oidc']>): Promise<OidcSignIn> {
  const module = await import('./oidc-sign-in');
  return new module.OidcSignIn(config);
}
