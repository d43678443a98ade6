import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Cli } from '../../support/cli.js';
import { useSharedApp } from '../../support/kit.js';
import { OidcProvider } from '../../support/oidc-provider.js';
import { PageVisitor } from '../../support/page-visitor.js';

describe('mesh login at a certified OpenID provider', () => {
  let provider: OidcProvider;
  let mesh: TestApp;
  const cli = new Cli(() => ({ MESH_URL: mesh.url }));
  const file = () => join(cli.folder, 'credentials.json');

  beforeAll(async () => {
    provider = await OidcProvider.start({
      roles: { ann: ['cfo'], 'finance-agent': ['finance'] },
      clients: { 'finance-agent': 'a secret' },
      // Shorter than the time before the expiry at which the command renews a token: each command renews it.
      accessTokenSeconds: 20,
    });
    mesh = await startTestApp({ env: { ...provider.controllerEnv, JWT_SECRET: '' } });
  });

  afterAll(async () => {
    await mesh.close();
    await provider.close();
  });

  /** Signs in and confirms the code in the browser. */
  async function deviceLogin(person: string | undefined) {
    const login = cli.start('login');
    await login.reports('or open ');
    const [, page = ''] = /or open (\S+)/.exec(login.errors) ?? [];
    const browser = new PageVisitor();
    await browser.open(page);
    await browser.submit();
    if (person === undefined) {
      await browser.submit({ abort: 'yes' });
    } else {
      await browser.submit();
      await browser.submit({ login: person });
      expect(browser.html).toContain('You are signed in');
    }
    return login.result();
  }

  it('shows a code, waits until a person confirms it, and stores the login for the owner only', async () => {
    const { code, output, errors } = await deviceLogin('ann');
    expect(errors).toMatch(/^Open http\S+\/device and enter the code \w{4}-\w{4}$/m);
    expect(output).toContain(`as ${provider.issuer}#ann, acting for cfo.`);
    expect(code).toBe(0);
    expect(statSync(file()).mode & 0o777).toBe(0o600);

    const me = await cli.run('whoami');
    expect(me.output).toMatch(/^token +a device login at http/m);
    expect(me.output).toMatch(/^roles +cfo$/m);
    const doctor = await cli.run('doctor');
    expect(doctor).toMatchObject({ code: 0, errors: '' });
    expect(doctor.output).toMatch(/^ok {4}token: a device login/m);
  });

  it('renews the token once for commands at the same time', async () => {
    const before = provider.grants.length;
    const runs = await Promise.all(Array.from({ length: 4 }, () => cli.run('whoami --json')));
    expect(runs.map(({ code, errors }) => ({ code, errors }))).toEqual(
      runs.map(() => ({ code: 0, errors: '' })),
    );
    const grants = provider.grants.slice(before);
    expect(new Set(grants)).toEqual(new Set(['refresh_token']));
    const stored = readFileSync(file(), 'utf8');
    expect(stored).toContain('refreshToken');
  });

  it('asks for another login when the refresh token is refused', async () => {
    writeFileSync(
      file(),
      readFileSync(file(), 'utf8').replace(/("refreshToken": ")[^"]+/, '$1wrong'),
    );
    const refused = await cli.run('whoami');
    expect(refused.errors).toMatch(/^mesh\.login_required: .*invalid_grant.*Run mesh login\.$/m);
    expect(refused.code).toBe(1);
  });

  it('ends with 1 when the person refuses', async () => {
    const { code, errors } = await deviceLogin(undefined);
    expect(errors).toMatch(/^mesh\.login_refused: .*access_denied/m);
    expect(code).toBe(1);
  });

  it('uses client credentials, from a file and from the environment', async () => {
    const login = ['login', '--client-id', 'finance-agent', '--client-secret-file', '-'];
    const { code, output, errors } = await cli.run(login, { input: 'a secret\n' });
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toContain('#finance-agent, acting for finance.');
    expect((await cli.json('whoami')).roles).toEqual(['finance']);

    await cli.run('logout');
    const env = { MESH_CLIENT_ID: 'finance-agent', MESH_CLIENT_SECRET: 'a secret' };
    expect((await cli.json('whoami', { env })).roles).toEqual(['finance']);
    const wrong = await cli.run('whoami', { env: { ...env, MESH_CLIENT_SECRET: 'wrong' } });
    expect(wrong).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^mesh\.credentials_refused: /),
    });
  });

  it('stores nothing that does not work, and keeps the login that was there', async () => {
    const login = ['login', '--client-id', 'finance-agent', '--client-secret-file', '-'];
    await cli.run(login, { input: 'a secret' });
    expect((await cli.run(login, { input: 'wrong' })).code).toBe(1);
    expect((await cli.run('login --token-stdin', { input: tokenFor('cfo') })).errors).toMatch(
      /^auth\.token_invalid: /,
    );
    expect((await cli.json('whoami')).roles).toEqual(['finance']);
  });
});

describe('mesh login with a token', () => {
  const mesh = useSharedApp();
  const cli = new Cli(() => ({}));
  const file = () => join(cli.folder, 'credentials.json');

  it('from standard input is stored, and its controller is the default of later commands', async () => {
    const login = await cli.run(`login --token-stdin --url ${mesh.url}/`, {
      input: `${tokenFor('finance', 'ann')}\n`,
    });
    expect(login).toMatchObject({ code: 0, errors: '' });
    expect(await cli.json('whoami')).toMatchObject({ url: mesh.url, roles: ['finance'] });
    expect((await cli.run('logout')).output).toBe(`Removed the login for ${mesh.url}.\n`);
    expect(await cli.run(`whoami --url ${mesh.url}`)).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^mesh\.login_required: /),
    });
  });

  it('from a file reads the file for each command', async () => {
    const token = join(cli.folder, 'token');
    writeFileSync(token, tokenFor('finance'));
    expect((await cli.run(`login --token-file ${token} --url ${mesh.url}`)).code).toBe(0);
    writeFileSync(token, tokenFor('legal'));
    expect(await cli.json('whoami')).toMatchObject({ roles: ['legal'] });
    // The environment has precedence.
    expect(
      await cli.json('whoami', { env: { MESH_TOKEN: tokenFor('cfo'), MESH_URL: mesh.url } }),
    ).toMatchObject({ roles: ['cfo'] });
  });

  it('from a file with a relative path works in each folder', async () => {
    const path = join(cli.folder, 'relative.token');
    writeFileSync(path, tokenFor('finance'));
    const given = relative(process.cwd(), path);
    expect((await cli.run(`login --token-file ${given} --url ${mesh.url}`)).code).toBe(0);
    expect(await cli.json('whoami')).toMatchObject({ roles: ['finance'] });
    const stored = readFileSync(join(cli.folder, 'credentials.json'), 'utf8');
    expect(stored).toContain(JSON.stringify(path));
  });

  it('needs an identity provider for the device flow', async () => {
    const { code, errors } = await cli.run(`login --url ${mesh.url}`);
    expect(errors).toMatch(/^mesh\.issuer_unknown: .*mesh login --token-file/m);
    expect(code).toBe(1);
    const both = await cli.run(`login --token-stdin --token-file x --url ${mesh.url}`, {
      input: '',
    });
    expect(both.code).toBe(2);
    const empty = await cli.run(`login --token-stdin --url ${mesh.url}`, { input: ' \n' });
    expect(empty).toMatchObject({ code: 2, errors: 'mesh.usage: Standard input is empty.\n' });
  });

  it('finds logins that others can read, and a damaged file', async () => {
    await cli.run(`login --token-stdin --url ${mesh.url}`, { input: tokenFor('finance') });
    chmodSync(file(), 0o644);
    const doctor = await cli.run('doctor');
    expect(doctor.output).toMatch(/^FAIL {2}logins: .*chmod 600$/m);
    expect(doctor).toMatchObject({ code: 1, errors: 'mesh.checks_failed: Failed: logins.\n' });
    for (const damaged of ['{', '{}', 'null', '{"logins":null}']) {
      writeFileSync(file(), damaged);
      expect((await cli.run('whoami')).errors).toMatch(/^mesh\.credentials_unreadable: /);
    }
    writeFileSync(file(), '{"logins":{}}', { mode: 0o600 });
  });
});
