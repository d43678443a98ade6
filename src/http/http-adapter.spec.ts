import { describe, expect, it } from '@jest/globals';
import type { Express } from 'express';
import { Environment } from '../config/environment.js';
import { HttpAdapter, limitTimes } from './http-adapter.js';

describe('The HTTP adapter', () => {
  it('creates a server with time limits that responds as Express', async () => {
    const adapter = new HttpAdapter();
    adapter.initHttpServer({});
    const app = adapter.getInstance<Express>();
    app.get('/:name', ({ params: { name } }, response) => {
      adapter.reply(response, { name }, 202);
    });
    const server = adapter.getHttpServer();
    limitTimes(server, new Environment());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP server');
    const response = await fetch(`http://127.0.0.1:${address.port}/one`);

    expect([response.status, await response.json()]).toEqual([202, { name: 'one' }]);
    expect(server).toMatchObject({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 75_000,
    });
    server.closeAllConnections();
    server.close();
  });
});
