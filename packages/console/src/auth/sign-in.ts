import { CONSOLE_PATH } from '../api/addresses';
import type { ConsoleConfig } from '../api/types';
import { forgetDevelopmentSession, restoreDevelopmentSession } from './development-sign-in';
import type { OidcSignIn } from './oidc-sign-in';
import { session } from './session';

/** Set while the person is signed in at the issuer, so that a reload returns there without a click. */
const SIGNED_IN = 'agent-mesh.signed-in';
const REDIRECTED_AT = 'agent-mesh.redirected-at';
/** Milliseconds within which a second redirect needs a click, so that a refused token causes no loop. */
const LOOP_MS = 10_000;

/** How people sign in to this controller. */
export class SignIn {
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
    sessionStorage.setItem(REDIRECTED_AT, String(Date.now()));
    await this.oidc?.begin();
  }

  /** Whether to leave for the issuer without a click: the person was signed in there. */
  get mayBeginAtOnce(): boolean {
    const last = Number(sessionStorage.getItem(REDIRECTED_AT) ?? 0);
    const wasSignedIn = sessionStorage.getItem(SIGNED_IN) !== null;
    return this.oidc !== undefined && wasSignedIn && Date.now() - last > LOOP_MS;
  }

  async leave(): Promise<void> {
    forgetDevelopmentSession();
    sessionStorage.removeItem(SIGNED_IN);
    session.end('left');
    await this.oidc?.leave();
  }

  private async resume(): Promise<void> {
    if (this.oidc !== undefined && isCallback()) {
      const place = await this.oidc.complete().catch(() => undefined);
      history.replaceState(null, '', place ?? CONSOLE_PATH);
      if (place !== undefined) sessionStorage.setItem(SIGNED_IN, 'yes');
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
