import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { clientCredentials, type ClientCredentialsOptions } from './client-credentials.js';
import { tokenFile } from './token-file.js';

interface TokenRequest {
  authorization: string | undefined;
  form: URLSearchParams;
}

/** An identity provider on the loopback interface that issues tokens `token-1`, `token-2` and so on. */
class StubProvider {
  readonly requests: TokenRequest[] = [];
  metadata: Record<string, unknown> = {};
  metadataPath = '/realms/mesh/.well-known/openid-configuration';
  expiresIn: number | undefined = 300;
  /** The status of the next token requests, instead of a token. */
  refusals: number[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      void this.respond(request, response);
    });
  }

  static async start(): Promise<StubProvider> {
    const provider = new StubProvider();
    await new Promise<void>((resolve) => provider.server.listen(0, '127.0.0.1', resolve));
    provider.metadata = {
      issuer: provider.issuer,
      token_endpoint: `${provider.issuer}/token`,
    };
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/realms/mesh`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === this.metadataPath) response.end(JSON.stringify(this.metadata));
    else if (request.url === '/realms/mesh/token') await this.issue(request, response);
    else response.writeHead(404).end();
  }

  private async issue(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    this.requests.push({ authorization: request.headers.authorization, form });
    const status = this.refusals.shift();
    const body =
      status === undefined
        ? { access_token: `token-${this.requests.length}`, expires_in: this.expiresIn }
        : { error: 'invalid_client', error_description: 'Unknown client' };
    response.writeHead(status ?? 200).end(JSON.stringify(body));
  }
}

describe('Client credentials', () => {
  let provider: StubProvider;
  let folder: string;

  beforeEach(async () => {
    provider = await StubProvider.start();
    folder = await mkdtemp(join(tmpdir(), 'credentials-'));
  });

  afterEach(async () => {
    provider.close();
    await rm(folder, { recursive: true });
  });

  const tokens = (options: Partial<ClientCredentialsOptions> = {}) =>
    clientCredentials({
      issuer: provider.issuer,
      clientId: 'finance:agent',
      clientSecret: 'a secret+',
      ...options,
    });

  it('discover the token endpoint and cache the token', async () => {
    const getToken = tokens({ scope: 'mesh', audience: 'agent-mesh' });

    expect(await getToken()).toBe('token-1');
    expect(await getToken()).toBe('token-1');
    expect(provider.requests).toHaveLength(1);
    const [{ authorization, form } = { authorization: '', form: new URLSearchParams() }] =
      provider.requests;
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'client_credentials',
      scope: 'mesh',
      audience: 'agent-mesh',
    });
    // RFC 6749 section 2.3.1: both parts are form-encoded.
    const basic = Buffer.from((authorization ?? '').replace('Basic ', ''), 'base64').toString();
    expect(basic).toBe('finance%3Aagent:a+secret%2B');
  });

  it('are sent in the body if the provider accepts nothing else', async () => {
    provider.metadata.token_endpoint_auth_methods_supported = ['client_secret_post'];
    await tokens()();

    expect(provider.requests[0]?.authorization).toBeUndefined();
    expect(provider.requests[0]?.form.get('client_secret')).toBe('a secret+');
  });

  it('find the metadata of RFC 8414', async () => {
    provider.metadataPath = '/.well-known/oauth-authorization-server/realms/mesh';

    expect(await tokens()()).toBe('token-1');
  });

  it('renew the token before it expires, once for requests at the same time', async () => {
    provider.expiresIn = 1;
    const getToken = tokens();
    await getToken();
    await sleep(800);
    const renewed = await Promise.all(Array.from({ length: 20 }, async () => getToken()));

    expect(new Set(renewed)).toEqual(new Set(['token-2']));
    expect(provider.requests).toHaveLength(2);
  });

  it('renew a token that the controller has refused', async () => {
    const getToken = tokens();
    const rejected = await getToken();

    expect(await getToken({ rejected })).toBe('token-2');
    expect(await getToken({ rejected })).toBe('token-2');
  });

  it('use a valid token while the provider is down, and report the reason after that', async () => {
    provider.expiresIn = 4;
    const getToken = tokens({ timeoutMs: 500 });
    await getToken();
    provider.close();
    await sleep(3_100);

    expect(await getToken()).toBe('token-1');
    await sleep(1_000);
    await expect(getToken()).rejects.toMatchObject({ code: 'mesh.issuer_unreachable' });
  });

  it('are retried after an error of the provider', async () => {
    provider.refusals = [503];

    expect(await tokens()()).toBe('token-2');
  });

  it('report a refusal with the error of the provider', async () => {
    provider.refusals = [401];
    const getToken = tokens();

    await expect(getToken()).rejects.toMatchObject({
      name: 'CredentialsError',
      code: 'mesh.credentials_refused',
      message: expect.stringContaining('invalid_client: Unknown client'),
    });
    expect(await getToken()).toBe('token-2');
  });

  it('read the file with the secret for each new token', async () => {
    const clientSecretFile = join(folder, 'secret');
    await writeFile(clientSecretFile, 'first\n');
    const getToken = clientCredentials({
      issuer: provider.issuer,
      clientId: 'a',
      clientSecretFile,
    });
    const rejected = await getToken();
    await writeFile(clientSecretFile, 'second\n');
    await getToken({ rejected });
    const sent = provider.requests.map(({ authorization = '' }) =>
      Buffer.from(authorization.replace('Basic ', ''), 'base64').toString(),
    );

    expect(sent).toEqual(['a:first', 'a:second']);
  });

  it.each([
    [{ issuer: 'http://idp.example' }, 'https'],
    [{ issuer: 'not a url' }, 'https'],
    [{ clientId: '' }, 'clientId is empty'],
    [{ clientSecret: '' }, 'Set clientSecret or clientSecretFile'],
    [{ clientSecretFile: '/secret' }, 'not both'],
  ])('refuse the options %j', (options, message) => {
    expect(() => tokens(options)).toThrow(message);
  });

  it('refuse the metadata of another issuer', async () => {
    provider.metadata.issuer = 'https://other.example';

    await expect(tokens()()).rejects.toMatchObject({ code: 'mesh.issuer_invalid' });
  });

  it('refuse a missing file with the secret', async () => {
    const { issuer } = provider;
    const getToken = clientCredentials({ issuer, clientId: 'a', clientSecretFile: '/nowhere' });

    await expect(getToken()).rejects.toMatchObject({
      code: 'mesh.token_unreadable',
      message: expect.stringContaining('/nowhere'),
    });
  });
});

describe('A token file', () => {
  it('is read again for each request', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'token-'));
    const path = join(folder, 'token');
    const getToken = tokenFile(path);
    expect(() => getToken()).toThrow('cannot be read');
    await writeFile(path, 'first\n');
    expect(await getToken()).toBe('first');
    await writeFile(path, 'second');
    expect(await getToken()).toBe('second');
    await writeFile(path, '\n');
    expect(() => getToken()).toThrow('is empty');
    await rm(folder, { recursive: true });
  });
});
