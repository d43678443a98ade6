import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { request as send, type IncomingHttpHeaders } from 'node:http';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';

interface Reply {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  text: string;
}

const PATHS = ['/mcp', '/.well-known/oauth-protected-resource', '/docs', '/status', '/nowhere'];
const BAD_HOSTS = [
  'a"b',
  'mesh", error="x',
  'mesh\\',
  'a b',
  'user@mesh',
  'mesh/path',
  'mesh?x',
  'mesh#x',
  '<script>',
  'mesh:99999',
  'mesh:a',
  '[::1',
];

function request(url: string, path: string, headers: string[], method = 'GET'): Promise<Reply> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    send(
      {
        hostname,
        port,
        path,
        method,
        headers: ['Connection', 'close', 'Content-Length', '0', ...headers],
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode, headers: response.headers, text });
        });
      },
    )
      .on('error', reject)
      .end();
  });
}

describe('Host header', () => {
  let mesh: TestApp;
  let proxied: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp();
    proxied = await startTestApp({ env: { TRUST_PROXY: '1' } });
  });

  afterAll(async () => {
    await mesh.close();
    await proxied.close();
  });

  it.each(BAD_HOSTS)('400 when it is invalid, and does not repeat it: %s', async (host) => {
    for (const path of PATHS) {
      const method = path === '/mcp' ? 'POST' : 'GET';
      for (const [url, headers] of [
        [mesh.url, ['Host', host]],
        [proxied.url, ['Host', host]],
        [proxied.url, ['Host', 'mesh', 'X-Forwarded-Host', host]],
      ] as const) {
        const { status, headers: answered, text } = await request(url, path, [...headers], method);
        // Express takes the first of several forwarded hosts, up to a comma.
        expect(status).toBe(400);
        expect(JSON.stringify(answered) + text).not.toContain(JSON.stringify(host).slice(1, -1));
      }
    }
  });

  it.each(['mesh', 'mesh.example.com:8088', '127.0.0.1', '[::1]:8088', 'my_mesh'])(
    'POST /mcp: 401 with the host in the challenge: %s',
    async (host) => {
      const { status, headers } = await request(mesh.url, '/mcp', ['Host', host], 'POST');
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toContain(
        `resource_metadata="http://${host}/.well-known/oauth-protected-resource/mcp"`,
      );
    },
  );

  it('POST /mcp: 401 without a URL when the forwarded protocol is not HTTP', async () => {
    const forwarded = ['Host', 'mesh', 'X-Forwarded-Proto', 'javascript'];
    const { headers } = await request(proxied.url, '/mcp', forwarded, 'POST');
    expect(headers['www-authenticate']).not.toContain('resource_metadata');
  });

  it('GET /docs serves only the files that its page needs', async () => {
    const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
    const page = await request(mesh.url, '/docs', ['Host', 'mesh']);
    const names = [...new Set([...readdirSync(folder), 'swagger-ui-init.js'])];
    for (const name of names) {
      const isNeeded = page.text.includes(`/${name}"`) || page.text.includes(`/${name}'`);
      const path = `/docs/${name}`;
      const { status } = await request(mesh.url, path, ['Host', 'mesh']);
      expect([path, status]).toEqual([path, isNeeded ? 200 : 404]);
    }
    expect((await request(mesh.url, '/docs/', ['Host', 'mesh'])).status).toBe(200);
    for (const path of [
      '/docs/%2e%2e/package.json',
      '/docs/README%2emd',
      '/docs//README.md',
      '/docs/x',
    ]) {
      expect((await request(mesh.url, path, ['Host', 'mesh'])).status).toBe(404);
    }
  });
});
