import { createServer, type RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import helmet from 'helmet';
import type { AddressInfo } from 'node:net';
import { securityHeaders } from './security-headers.js';

/** The headers of an answer, but for those of Node. */
async function headersOf(middleware: unknown): Promise<Record<string, string>> {
  const run = middleware as (...args: [...Parameters<RequestListener>, () => void]) => void;
  const server = createServer((request, response) => {
    run(request, response, () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const headers = new Headers(answer.headers);
    headers.delete('date');
    return Object.fromEntries(headers);
  } finally {
    server.close();
  }
}

describe('Security headers', () => {
  it('are those of helmet', async () => {
    const headers = await headersOf(securityHeaders());
    expect(headers).toHaveProperty('content-security-policy');
    expect(headers).toEqual(await headersOf(helmet()));
  });
});
