import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { expectAccessible, useConsole } from '../../support/console.js';
import { eventually } from '../../support/eventually.js';
import { CONSOLE_CLIENT, OidcProvider } from '../../support/oidc-provider.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

/** Seconds after which an access token expires. The console renews it 30 seconds earlier. */
const TOKEN_SECONDS = 33;

describe('sign-in to the console at an OpenID provider', () => {
  let provider: OidcProvider;
  let proxy: TcpProxy;
  let url: string;

  // The provider needs the address of the console before the controller starts.
  beforeAll(async () => {
    proxy = await TcpProxy.start(0);
    url = proxy.url('http://127.0.0.1:1').replace(/\/$/, '');
    provider = await OidcProvider.start({
      roles: { ann: ['manager'], eve: [] },
      redirectUris: [`${url}/console/callback`, `${url}/console`],
      accessTokenSeconds: TOKEN_SECONDS,
    });
  });

  const { mesh, open, expectErrors } = useConsole(() => ({
    env: {
      ...provider.controllerEnv,
      JWT_SECRET: '',
      OIDC_CONSOLE_CLIENT_ID: CONSOLE_CLIENT,
      OIDC_CONSOLE_SCOPE: 'openid offline_access mesh',
    },
  }));

  beforeAll(() => {
    proxy.target = Number(new URL(mesh.url).port);
  });

  afterAll(async () => {
    await provider.close();
    await proxy.close();
  });

  async function signIn(page: Page, name: string): Promise<void> {
    // The provider has no icon.
    expectErrors(/status of 404/);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByLabel('Name').fill(name);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation').waitFor();
  }

  it('uses the authorization code with PKCE, keeps tokens in memory, and returns to the page', async () => {
    const page = await open(`${url}/console/tasks?status=dead`);
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    await expectAccessible(page);
    const authorization = page.waitForRequest(/\/auth\?/);
    await signIn(page, 'ann');
    const { searchParams } = new URL((await authorization).url());
    expect(searchParams.get('response_type')).toBe('code');
    expect(searchParams.get('code_challenge_method')).toBe('S256');
    expect(page.url()).toBe(`${url}/console/tasks?status=dead`);
    await page.getByRole('button', { name: 'Signed in for manager' }).waitFor();
    const stored = await page.evaluate<string>(
      'JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])',
    );
    expect(stored).not.toMatch(/eyJ|access_token|refresh_token/);
  });

  it('renews the token before it expires, and needs no password after a reload', async () => {
    const page = await open(`${url}/console/approvals`);
    await signIn(page, 'ann');
    const last = () => Promise.resolve(provider.grants.at(-1));
    expect(await eventually(last, (grant) => grant === 'refresh_token')).toBe('refresh_token');
    await page.reload();
    await page.getByRole('navigation').waitFor();
    expect(page.url()).toBe(`${url}/console/approvals`);
  });

  it('ends with the token if it cannot be renewed, and returns to the page', async () => {
    expectErrors(/ERR_FAILED/);
    const page = await open(`${url}/console/tasks?status=dead`);
    await page.clock.install();
    await signIn(page, 'ann');
    await page.route(`${provider.issuer}/token`, (route) =>
      route.request().postData()?.includes('refresh_token') ? route.abort() : route.fallback(),
    );
    const again = page.waitForRequest(/\/auth\?/);
    await page.clock.fastForward((TOKEN_SECONDS + 5) * 1_000);
    // The session at the provider lasts, so it asks for no password.
    await again;
    await page.getByRole('navigation').waitFor();
    expect(page.url()).toBe(`${url}/console/tasks?status=dead`);
  });

  it('shows why it has failed', async () => {
    expectErrors(/ERR_FAILED|status of 404/);
    const page = await open(`${url}/console/approvals`);
    await page.route(`${provider.issuer}/token`, (route) => route.abort());
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByLabel('Name').fill('ann');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The sign-in failed: ').waitFor();
    await expectAccessible(page);
    await page.unroute(`${provider.issuer}/token`);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('navigation').waitFor();
  });

  it('ends the session at the provider too', async () => {
    const page = await open(`${url}/console/approvals`);
    await signIn(page, 'ann');
    await page.getByRole('button', { name: 'Signed in for manager' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.waitForURL(`${provider.issuer}/**`);
    await page.getByRole('heading', { name: 'Sign out' }).waitFor();
  });
});
