import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client as McpClient } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { until } from '../../support/eventually.js';
import { InstalledPackage } from '../../support/installed-package.js';
import { McpAgent } from '../../support/mcp.js';
import { OidcProvider } from '../../support/oidc-provider.js';
import { ProgramRun } from '../../support/program-run.js';

describe('@agent-mesh/mcp, installed in an empty folder', () => {
  let installed: InstalledPackage;
  let provider: OidcProvider;
  let mesh: TestApp;

  beforeAll(async () => {
    [installed, provider] = await Promise.all([
      InstalledPackage.install('packages/mcp'),
      OidcProvider.start({
        roles: { 'finance-agent': ['finance'] },
        clients: { 'finance-agent': 'a secret' },
        accessTokenSeconds: 2,
      }),
    ]);
    mesh = await startTestApp({ env: { ...provider.controllerEnv, JWT_SECRET: '' } });
  }, 60_000);

  afterAll(async () => {
    await mesh.close();
    await provider.close();
    await installed.remove();
  });

  async function connect(env: Record<string, string>): Promise<McpAgent> {
    const client = new McpClient({ name: 'test', version: '1' });
    const transport = new StdioClientTransport({
      command: installed.bin('agent-mesh-mcp'),
      cwd: installed.folder,
      env: { PATH: process.env.PATH ?? '', CONTROLLER_URL: mesh.url, ...env },
    });
    await client.connect(transport);
    return new McpAgent(client, () => client.close());
  }

  const credentials = (): Record<string, string> => ({
    MESH_CLIENT_ID: 'finance-agent',
    MESH_CLIENT_SECRET: 'a secret',
    MESH_ISSUER_URL: provider.issuer,
  });

  it('contains the command, a license and a description, and nothing else', () => {
    expect([...installed.files].sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist/agent-mesh-mcp.js',
      'package.json',
    ]);
  });

  it('serves the tools with client credentials, and renews the token before it expires', async () => {
    const agent = await connect(credentials());
    const { tools } = await agent.client.listTools();
    expect(tools.length).toBeGreaterThan(15);
    const renewals = provider.grants.length;
    const sent = await agent.does('send_task', { target: 'manager', task_type: 'review' });
    expect(sent.task_id).toMatch(/^task-/);
    await until(async () => {
      expect((await agent.call('whoami')).content).toMatchObject({ roles: ['finance'] });
      return provider.grants.length >= renewals + 3;
    });
    expect(new Set(provider.grants)).toEqual(new Set(['client_credentials']));
    await agent.close();
  });

  it('reports a wrong secret to the client', async () => {
    const agent = await connect({ ...credentials(), MESH_CLIENT_SECRET: 'wrong' });
    const refused = await agent.call('whoami');
    expect(refused).toMatchObject({ isError: true, code: 'mesh.credentials_refused' });
    expect(refused.text).toContain('Correct MESH_CLIENT_ID');
    await agent.close();
  });

  it('reports a token of another issuer to the client', async () => {
    const agent = await connect({ MESH_JWT_TOKEN: tokenFor('finance') });
    expect(await agent.call('whoami')).toMatchObject({ code: 'auth.token_invalid' });
    await agent.close();
  });

  it('does not start with settings that contradict each other', async () => {
    const run = new ProgramRun(installed.bin('agent-mesh-mcp'), [], {
      env: { ...credentials(), MESH_JWT_TOKEN: 'a.b.c' },
    });
    expect(await run.result()).toMatchObject({
      code: 1,
      output: '',
      errors: expect.stringContaining('not both'),
    });
  });
});

describe('`npx agent-mesh` in a checkout', () => {
  it('starts the same server from its sources', async () => {
    const client = new McpClient({ name: 'test', version: '1' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: ['agent-mesh.js'],
        env: { PATH: process.env.PATH ?? '', MESH_JWT_TOKEN: 'a.b.c' },
      }),
    );
    expect((await client.listTools()).tools.length).toBeGreaterThan(15);
    await client.close();
  });
});
