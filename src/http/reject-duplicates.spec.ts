import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express, { type NextFunction, type Request, type Response } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { rejectDuplicates } from './reject-duplicates.js';

const app = express()
  .set('query parser', 'simple')
  .use(rejectDuplicates)
  .use((_request, response) => void response.end('passed'))
  .use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (!(error instanceof DomainError)) next(error);
    else response.end(error.extras.errors?.map(({ pointer }) => pointer).join() ?? error.code);
  });
const server = createServer(app);

beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** What becomes of a request with these headers, name and value in turn. */
function outcomeOf(path: string, headers: string[] = []): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const all = ['Host', 'mesh', 'Connection', 'close', ...headers];
  return new Promise((resolve, reject) => {
    send({ host: '127.0.0.1', port, path, headers: all }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve(text);
      });
    })
      .on('error', reject)
      .end();
  });
}

describe('A header', () => {
  it.each([
    ['Host', 'other'],
    ['Content-Type', 'application/json'],
    ['Idempotency-Key', 'a'],
    ['If-Match', '"a"'],
  ])('%s may be sent once only', async (name, value) => {
    const once = name === 'Host' ? [] : [name, value];
    expect(await outcomeOf('/', once)).toBe('passed');
    expect(await outcomeOf('/', [...once, name.toLowerCase(), value])).toBe(name);
  });

  it('that may be a list may be sent twice', async () => {
    expect(await outcomeOf('/', ['Accept', 'a/b', 'Accept', 'c/d'])).toBe('passed');
  });
});

describe('A query', () => {
  it.each([
    '/',
    '/?',
    '/?a=1&b=2',
    '/?a=',
    '/?a=%F0%9F%92%A3',
    '/?a=1+2',
    '/?constructor=1',
    '/?a[]=1',
  ])('passes: %s', async (path) => {
    expect(await outcomeOf(path)).toBe('passed');
  });

  it.each([
    ['/?a=1&a=2', '?a'],
    ['/?a=1&a=1', '?a'],
    ['/?a=1&b=2&%61=3', '?a'],
    ['/?__proto__=1&__proto__=2', '?__proto__'],
    ['/?a=%00', '?'],
    ['/?%00=a', '?'],
    ['/?a=%FF', 'request.malformed'],
    ['/?a=%', 'request.malformed'],
    ['/?a=%zz', 'request.malformed'],
    ['/?a=%C0%80', 'request.malformed'],
    ['/?a=%ED%A0%80', 'request.malformed'],
  ])('is refused: %s', async (path, outcome) => {
    expect(await outcomeOf(path)).toBe(outcome);
  });
});
