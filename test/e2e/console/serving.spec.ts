import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { useConsole } from '../../support/console.js';
import { useApp } from '../../support/kit.js';

const JSON_BODY = { 'content-type': 'application/json' };

describe('GET /console', () => {
  const { mesh } = useConsole();
  const get = (path: string, headers?: Record<string, string>) =>
    fetch(`${mesh.url}${path}`, { headers });

  it.each(['/console', '/console/', '/console/approvals/x', '/console/a.b/c'])(
    '%s is the page, under a strict policy',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-store');
      const policy = response.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("connect-src 'self';");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      const [, nonce = ''] = /'nonce-([^']+)'/.exec(policy) ?? [];
      const text = await response.text();
      expect(text).toContain(`nonce="${nonce}"`);
      expect(text).not.toMatch(/__|<script(?![^>]* src=)|<style| style=| on\w+=/);
    },
  );

  it('has another nonce each time', async () => {
    const [one, other] = await Promise.all([get('/console'), get('/console')]);
    expect(one.headers.get('content-security-policy')).not.toBe(
      other.headers.get('content-security-policy'),
    );
  });

  it('serves assets that caches keep, compressed and not', async () => {
    const page = await (await get('/console')).text();
    const [, path = ''] = /src="(\/console\/assets\/[^"]+\.js)"/.exec(page) ?? [];
    const plain = await get(path, { 'accept-encoding': 'identity' });
    const packed = await get(path, { 'accept-encoding': 'gzip' });
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(packed.headers.get('vary')).toContain('Accept-Encoding');
    expect(await plain.text()).toBe(await packed.text());
  });

  it('has no other asset, and accepts reads only', async () => {
    expect(await (await get('/console/assets/index.js')).json()).toMatchObject({
      status: 404,
      code: 'request.route_not_found',
    });
    expect((await get('/console/assets/../index.html')).status).toBe(200);
    const posted = await fetch(`${mesh.url}/console/approvals`, { method: 'POST' });
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
    expect((await fetch(`${mesh.url}/console`, { method: 'HEAD' })).status).toBe(200);
  });

  it('describes how to sign in', async () => {
    expect(await (await get('/console/config.json')).json()).toEqual({
      version: expect.any(String),
      oidc: null,
      dev_token: true,
    });
  });
});

describe('the first view of the console', () => {
  const { mesh, open } = useConsole();

  it('is less than 300 KB, compressed', async () => {
    const page = await open('/console');
    const urls = new Set<string>();
    page.on('request', (request) => {
      if (request.method() === 'GET' && request.url().startsWith(`${mesh.url}/console`))
        urls.add(request.url());
    });
    await page.reload();
    await page.getByLabel('Role').fill('manager');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('Nothing waits for you').waitFor();
    // Read again, because the browser discards a body when the page navigates.
    const sizes = [...urls].map(async (url) => {
      const body = await (await fetch(url)).arrayBuffer();
      return gzipSync(new Uint8Array(body)).length;
    });
    const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(100_000);
    expect(total).toBeLessThan(300_000);
  });
});

describe('POST /console/development-token', () => {
  const { mesh } = useConsole();
  const post = (body: unknown, headers: Record<string, string> = JSON_BODY) =>
    fetch(`${mesh.url}/console/development-token`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });

  it('issues the token of a person', async () => {
    const response = await post({ roles: ['manager', 'legal'], name: 'Ada' });
    expect(response.status).toBe(201);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { token } = (await response.json()) as { token: string };
    const me = await fetch(`${mesh.url}/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(await me.json()).toMatchObject({
      subject: 'agent-mesh-dev#Ada',
      roles: ['manager', 'legal'],
    });
  });

  it.each([
    ['no roles', {}, '/roles'],
    ['an empty list', { roles: [] }, '/roles'],
    ['a text', { roles: 'manager' }, '/roles'],
    ['a number', { roles: [1] }, '/roles'],
    ['a comma', { roles: ['a,b'] }, '/roles'],
    ['system', { roles: ['system'] }, '/roles'],
    ['a role twice', { roles: ['a', 'a'] }, '/roles'],
    ['an empty name', { roles: ['a'], name: '' }, '/name'],
    ['a line break', { roles: ['a'], name: 'a\nb' }, '/name'],
    ['an unknown member', { roles: ['a'], 'x/y': 1 }, '/x~1y'],
    ['null', null, '/roles'],
  ])('refuses %s', async (_, body, pointer) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: expect.stringMatching(/^request\.(invalid|malformed)$/),
      ...(body !== null && { errors: [{ pointer }] }),
    });
  });

  it('refuses a page that has the name of this machine only', async () => {
    const { port } = new URL(mesh.url);
    const send = request({ port, path: '/console/development-token', method: 'POST' });
    send.setHeader('host', 'evil.example.com').setHeader('content-type', 'application/json');
    send.end('{"roles":["admin"]}');
    const [response] = (await once(send, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(403);
  });

  it.each([
    ['x-forwarded-for', '127.0.0.1'],
    ['forwarded', 'for=127.0.0.1'],
    ['via', '1.1 proxy'],
  ])('refuses a request of a proxy: %s', async (name, value) => {
    const response = await post({ roles: ['manager'] }, { ...JSON_BODY, [name]: value });
    expect(await response.json()).toMatchObject({ status: 403, code: 'auth.forbidden' });
  });
});

describe('the console', () => {
  describe('with CONSOLE_ENABLED=false', () => {
    const mesh = useApp({ env: { CONSOLE_ENABLED: 'false' } });

    it('is not served', async () => {
      for (const path of ['/console', '/console/config.json', '/console/approvals'])
        expect((await fetch(`${mesh.url}${path}`)).status).toBe(404);
    });
  });

  describe('in production', () => {
    const { mesh } = useConsole({
      env: {
        NODE_ENV: 'production',
        JWT_SECRET: '',
        OIDC_ISSUER_URL: 'https://id.example.com/realms/mesh',
        OIDC_JWKS_URL: 'https://id.example.com/keys',
        OIDC_AUDIENCE: 'agent-mesh',
        OIDC_CONSOLE_CLIENT_ID: 'mesh-console',
        PUBLIC_URL: 'https://mesh.example.com/mesh',
      },
    });

    it('issues no development token', async () => {
      const body = JSON.stringify({ roles: ['admin'] });
      const response = await fetch(`${mesh.url}/console/development-token`, {
        method: 'POST',
        headers: JSON_BODY,
        body,
      });
      expect(await response.json()).toMatchObject({
        status: 404,
        code: 'request.route_not_found',
      });
    });

    it('may connect to the issuer, whose client it names', async () => {
      const page = await fetch(`${mesh.url}/console`);
      expect(page.headers.get('content-security-policy')).toContain(
        "connect-src 'self' https://id.example.com;",
      );
      const config = await fetch(`${mesh.url}/console/config.json`);
      expect(await config.json()).toMatchObject({
        oidc: {
          authority: 'https://id.example.com/realms/mesh',
          client_id: 'mesh-console',
          scope: 'openid profile',
        },
        dev_token: false,
      });
    });

    it('refers to its files below the path of PUBLIC_URL', async () => {
      const text = await (await fetch(`${mesh.url}/console`)).text();
      expect(text).toContain('name="public-path" content="/mesh"');
      expect(text).toContain('src="/mesh/console/assets/');
    });
  });
});
