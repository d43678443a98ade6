import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { CLI_CLIENT, CONSOLE_CLIENT, OidcProvider } from '../../support/oidc-provider.js';
import { PageVisitor } from '../../support/page-visitor.js';

const REDIRECT = 'http://127.0.0.1:4000/console';
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

interface Tokens {
  access_token: string;
  refresh_token: string;
  error?: string;
}

describe('A certified OpenID provider', () => {
  let provider: OidcProvider;
  let mesh: TestApp;

  beforeAll(async () => {
    provider = await OidcProvider.start({
      roles: { ann: ['cfo'], 'finance-agent': ['finance'] },
      clients: { 'finance-agent': 'a secret' },
      redirectUris: [REDIRECT],
    });
    mesh = await startTestApp({ env: { ...provider.controllerEnv, JWT_SECRET: '' } });
  });

  afterAll(async () => {
    await mesh.close();
    await provider.close();
  });

  async function post(path: string, form: Record<string, string>) {
    const body = new URLSearchParams(form);
    return (await (
      await fetch(`${provider.issuer}${path}`, { method: 'POST', body })
    ).json()) as Tokens & Record<string, string>;
  }

  const me = async (token: string) =>
    (await new Client(mesh.url, token).get<{ subject: string; roles: string[] }>('/me')).body;

  it('issues tokens for client credentials that the controller accepts', async () => {
    const token = await provider.clientToken('finance-agent', 'a secret');
    expect(await me(token)).toMatchObject({
      subject: `${provider.issuer}#finance-agent`,
      roles: ['finance'],
    });
  });

  it('signs a person in on the page of the device flow, and renews the token once', async () => {
    const scope = 'openid offline_access';
    const code = await post('/device/auth', { client_id: CLI_CLIENT, scope });
    const form = { grant_type: DEVICE_GRANT, client_id: CLI_CLIENT };
    const poll = () => post('/token', { ...form, device_code: code.device_code ?? '' });
    expect((await poll()).error).toBe('authorization_pending');
    const browser = new PageVisitor();
    await browser.open(code.verification_uri_complete ?? '');
    await browser.submit();
    await browser.submit({ login: 'ann' });
    await browser.submit({ login: 'ann' });
    const tokens = await poll();
    expect(await me(tokens.access_token)).toMatchObject({ roles: ['cfo'] });

    const refresh = { grant_type: 'refresh_token', client_id: CLI_CLIENT };
    const renewed = await post('/token', { ...refresh, refresh_token: tokens.refresh_token });
    expect(await me(renewed.access_token)).toMatchObject({ roles: ['cfo'] });
    const again = await post('/token', { ...refresh, refresh_token: tokens.refresh_token });
    expect(again.error).toBe('invalid_grant');
  });

  it('signs a person in with an authorization code and PKCE', async () => {
    const verifier = randomBytes(32).toString('base64url');
    const query = new URLSearchParams({
      client_id: CONSOLE_CLIENT,
      response_type: 'code',
      redirect_uri: REDIRECT,
      scope: 'openid',
      code_challenge_method: 'S256',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    });
    const browser = new PageVisitor(REDIRECT);
    await browser.open(`${provider.issuer}/auth?${query.toString()}`);
    await browser.submit({ login: 'ann' });
    const tokens = await post('/token', {
      grant_type: 'authorization_code',
      client_id: CONSOLE_CLIENT,
      redirect_uri: REDIRECT,
      code_verifier: verifier,
      code: new URL(browser.url).searchParams.get('code') ?? '',
    });
    expect(await me(tokens.access_token)).toMatchObject({
      subject: `${provider.issuer}#ann`,
      roles: ['cfo'],
    });
  });
});
