import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express } from 'express';
import { HttpAdapter } from './http-adapter.js';

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Reply {
  body: unknown;
  status?: number;
  headers?: Record<string, string>;
}

const TAG = '"1"';
const REPLIES: Record<string, Reply> = {
  object: { body: { of: { it: null } }, status: 202 },
  array: { body: [1, 'two'] },
  text: { body: { text: 'ÿ€😀\u2028</script>' } },
  dates: { body: { at: new Date(0), not: undefined } },
  nothing: { body: undefined, status: 204 },
  null: { body: null },
  word: { body: 'word' },
  error: { body: new Error('secret'), status: 500 },
  bytes: { body: Buffer.from('bytes') },
  tagged: { body: { a: 1 }, headers: { ETag: TAG } },
  problem: {
    body: { a: 1 },
    status: 400,
    headers: { 'Content-Type': 'application/problem+json' },
  },
};

/** A server that answers `/<name>` with the reply of that name. */
async function serve(adapter: ExpressAdapter): Promise<{ url: string; stop: () => void }> {
  adapter.initHttpServer({});
  const app = adapter.getInstance<Express>().disable('etag').disable('x-powered-by');
  app.get('/:name', ({ params: { name } }, response) => {
    const { body, status, headers } = REPLIES[name] ?? { body: undefined };
    adapter.reply(response.set(headers), body, status);
  });
  const server = adapter.getHttpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const answer = await fetch(url, init);
  const headers = new Headers(answer.headers);
  headers.delete('date');
  return {
    status: answer.status,
    headers: Object.fromEntries(headers),
    body: await answer.text(),
  };
}

describe('What the adapter answers', () => {
  const servers: Awaited<ReturnType<typeof serve>>[] = [];

  beforeAll(async () => {
    for (const adapter of [new HttpAdapter(), new ExpressAdapter()]) {
      servers.push(await serve(adapter));
    }
  });

  afterAll(() => {
    for (const { stop } of servers) stop();
  });

  const bothOf = (path: string, init: RequestInit = {}): Promise<Answer[]> =>
    Promise.all(servers.map(({ url }) => ask(`${url}/${path}`, init)));

  it.each(Object.keys(REPLIES))('is what Express would: %s', async (name) => {
    const [own, express] = await bothOf(name);
    expect(own).toEqual(express);
  });

  it.each(['object', 'tagged'])('is what Express would, to HEAD: %s', async (name) => {
    const [own, express] = await bothOf(name, { method: 'HEAD' });
    expect(own).toEqual(express);
  });

  it.each([TAG, '"2"', '*'])('is what Express would, to If-None-Match: %s', async (tag) => {
    // Without the last one, `fetch` adds that it wants no answer out of a cache.
    const headers = { 'If-None-Match': tag, 'Cache-Control': 'max-age=0' };
    const [own, express] = await bothOf('tagged', { headers });
    expect(own).toEqual(express);
    expect(own?.status).toBe(tag === '"2"' ? 200 : 304);
  });
});
