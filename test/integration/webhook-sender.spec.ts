import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SERVER_CERTIFICATE, SERVER_KEY } from '../support/certificates.js';
import { parseEnvironment } from '../../src/config/parse-environment.js';
import type { SendResult } from '../../src/webhooks/send-result.js';
import { WebhookSenderService } from '../../src/webhooks/webhook-sender.service.js';

/** A sender with a time limit that a test can wait for. */
class ImpatientSenderService extends WebhookSenderService {
  protected override readonly timeoutMs = 300;
}

const servers: Server[] = [];

async function listen(server: Server, scheme = 'http', host = '127.0.0.1'): Promise<string> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `${scheme}://${host}:${(server.address() as AddressInfo).port}/`;
}

function send(url: string, networks = '127.0.0.0/8'): Promise<SendResult> {
  const environment = parseEnvironment({
    JWT_SECRET: 'a secret for tests that is long enough',
    WEBHOOK_ALLOWED_NETWORKS: networks,
  });
  return new ImpatientSenderService(environment).send(url, {}, '{}');
}

async function sendTo(respond: RequestListener): Promise<SendResult> {
  return send(await listen(createServer(respond)));
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

describe('a request to an endpoint', () => {
  it('returns status, Retry-After and the first 512 bytes', async () => {
    const result = await sendTo((_, response) =>
      response.writeHead(503, { 'retry-after': '120' }).end(`\0${'x'.repeat(600)}`),
    );
    expect(result).toEqual({
      status: 503,
      error: null,
      retryAfter: '120',
      response: 'x'.repeat(511),
    });
  });

  it('does not follow a redirect', async () => {
    let requests = 0;
    const result = await sendTo((_, response) => {
      requests += 1;
      response.writeHead(307, { location: '/' }).end();
    });
    expect([result.status, requests]).toEqual([307, 1]);
  });

  it('stops to read a response that does not end', async () => {
    let written = 0;
    let isClosed: Promise<unknown> = Promise.resolve();
    const result = await sendTo((_, response) => {
      isClosed = once(response, 'close');
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) written += 16_384;
      };
      response.on('drain', write);
      write();
    });
    await isClosed;
    expect(result).toMatchObject({ status: 200, error: null, response: 'x'.repeat(512) });
    expect(written).toBeLessThan(64 * 2 ** 20);
  });

  it('counts the status of a response whose body does not arrive in time', async () => {
    const result = await sendTo((_, response) => response.write('slow'));
    expect(result).toMatchObject({ status: 200, error: null, response: 'slow' });
  });

  it('fails as timeout if no response arrives', async () => {
    expect(await sendTo(() => undefined)).toMatchObject({ status: null, error: 'timeout' });
  });

  it('fails as connection if nothing listens, or the connection breaks', async () => {
    const url = await listen(createServer());
    servers[0]?.close();
    expect(await send(url)).toMatchObject({ status: null, error: 'connection' });
    const broken = await sendTo((request) => request.socket.destroy());
    expect(broken).toMatchObject({ status: null, error: 'connection' });
  });

  it('fails as connection if the response switches protocols', async () => {
    const result = await sendTo((_, response) =>
      response.writeHead(101, { upgrade: 'other', connection: 'upgrade' }).end(),
    );
    expect(result).toMatchObject({ status: null, error: 'connection' });
  });

  it('fails as tls for a certificate that it does not trust, and for a server without TLS', async () => {
    const options = { cert: SERVER_CERTIFICATE, key: SERVER_KEY };
    const url = await listen(createHttpsServer(options), 'https');
    expect(await send(url)).toMatchObject({ status: null, error: 'tls' });
    const plain = await listen(createServer(), 'https');
    expect(await send(plain)).toMatchObject({ status: null, error: 'tls' });
  });

  it('fails as address_refused without a connection, for a literal address and for a name', async () => {
    let connections = 0;
    const server = createServer().on('connection', () => (connections += 1));
    const url = new URL(await listen(server));
    expect(await send(url.href, '')).toMatchObject({ error: 'address_refused' });
    url.hostname = 'localhost';
    expect(await send(url.href, '')).toMatchObject({ error: 'address_refused' });
    expect(connections).toBe(0);
  });

  it('fails as dns for a name that does not exist', async () => {
    expect(['dns', 'timeout']).toContain((await send('https://nothing.invalid/')).error);
  });
});
