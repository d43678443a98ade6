import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { abortOnClose } from './abort-on-close.js';

/** Returns the response to a request whose client disconnects. */
async function abandoned(onRequest: (response: ServerResponse) => void): Promise<ServerResponse> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1', () =>
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  );
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  onRequest(response);
  const closed = once(response, 'close');
  client.destroy();
  await closed;
  server.close();
  return response;
}

describe('The signal of a response', () => {
  it('aborts when the client disconnects', async () => {
    let signal: AbortSignal | undefined;
    await abandoned((response) => {
      signal = abortOnClose(response);
      expect(signal.aborted).toBe(false);
    });

    expect(signal?.aborted).toBe(true);
  });

  it('is aborted if the client had disconnected before', async () => {
    expect(abortOnClose(await abandoned(() => undefined)).aborted).toBe(true);
  });
});
