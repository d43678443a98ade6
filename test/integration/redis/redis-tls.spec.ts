import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import * as certificates from '../../support/certificates.js';
import { until } from '../../support/eventually.js';
import { operate, useRedisCaches, works } from '../../support/redis-caches.js';

describe('RedisCache over TLS', () => {
  const redises = useRedisCaches();
  let folder: string;
  let url: string;

  const path = (name: string) => join(folder, name);
  const write = (name: string, text: string) => writeFile(path(name), text);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redis-tls-'));
    await Promise.all([
      write('ca.pem', certificates.CA_CERTIFICATE),
      write('other-ca.pem', certificates.OTHER_CA_CERTIFICATE),
      write('server.pem', certificates.SERVER_CERTIFICATE),
      write('server.key', certificates.SERVER_KEY),
      write('client.pem', certificates.CLIENT_CERTIFICATE),
      write('client.key', certificates.CLIENT_KEY),
    ]);
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function start(clients: 'yes' | 'no'): Promise<void> {
    const redis = await redises.start();
    const port = await freePort();
    url = `rediss://localhost:${port}`;
    const settings = {
      'tls-cert-file': path('server.pem'),
      'tls-key-file': path('server.key'),
      'tls-ca-cert-file': path('ca.pem'),
      'tls-auth-clients': clients,
      'tls-port': String(port),
    };
    await operate(redis, (client) =>
      client.call('CONFIG', 'SET', ...Object.entries(settings).flat()),
    );
  }

  const files = () => ({
    REDIS_URL: [url],
    REDIS_TLS_CA_FILE: path('ca.pem'),
    REDIS_TLS_CERT_FILE: path('client.pem'),
    REDIS_TLS_KEY_FILE: path('client.key'),
  });

  it('verifies the server and sends a client certificate', async () => {
    await start('yes');
    expect(await works(await redises.untilConnected(redises.cacheWith(files())))).toBe(true);
  });

  it('shows that the server requires a client certificate', async () => {
    await start('yes');
    const sut = redises.cacheWith({ REDIS_URL: [url], REDIS_TLS_CA_FILE: path('ca.pem') });
    await until(async () => (await sut.health()).reason?.includes('REDIS_TLS_CERT_FILE') === true);
    expect((await sut.health()).status).toBe('disconnected');
  });

  it.each([
    ['without a file', {}],
    ['with the authority of others', { REDIS_TLS_CA_FILE: 'other-ca.pem' }],
  ])('refuses a server of an unknown authority, and names the variable: %s', async (_, named) => {
    await start('no');
    const sut = redises.cacheWith({
      REDIS_URL: [url],
      ...Object.fromEntries(Object.entries(named).map(([name, file]) => [name, path(file)])),
    });
    await until(async () => (await sut.health()).reason?.includes('REDIS_TLS_CA_FILE') === true);
    expect((await sut.health()).status).toBe('disconnected');
    expect(redises.warnings.join()).toContain('REDIS_TLS_CA_FILE');
    expect(await sut.get('key')).toBeUndefined();
  });

  it('refuses a server whose certificate is for another host', async () => {
    await start('no');
    const sut = redises.cacheWith({
      REDIS_URL: [url.replace('localhost', '127.0.0.2')],
      REDIS_TLS_CA_FILE: path('ca.pem'),
    });
    await until(async () => (await sut.health()).reason !== undefined);
    expect((await sut.health()).status).toBe('disconnected');
  });

  it('reads the files again for each connection, and keeps usable ones', async () => {
    await start('yes');
    await write('ca.pem', certificates.OTHER_CA_CERTIFICATE);
    const sut = redises.cacheWith(files());
    await until(async () => (await sut.health()).reason?.includes('REDIS_TLS_CA_FILE') === true);
    await write('ca.pem', 'not a certificate');
    await until(() => redises.warnings.some((line) => line.includes('former certificates')));
    await write('ca.pem', certificates.CA_CERTIFICATE);
    await until(() => works(sut));
    await rm(path('client.key'));
    expect(await works(sut)).toBe(true);
  });
});
