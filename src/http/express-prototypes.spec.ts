import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { expressPrototypes } from './express-prototypes.js';

type Messages = [request: object, response: object];

const NO_MESSAGES: Messages = [{}, {}];
const prototypesOf = (messages: Messages): unknown[] => messages.map(Object.getPrototypeOf);

/** Gives a handler that answers nobody before two have asked, and what they asked with. */
function pair(): { handler: express.RequestHandler; met: Messages[] } {
  const met: Messages[] = [];
  const answers: (() => void)[] = [];
  const handler: express.RequestHandler = ({ params }, response) => {
    met.push([response.req, response]);
    answers.push(() => response.status(202).json(params));
    if (answers.length === 2) for (const answer of answers) answer();
  };
  return { handler, met };
}

/** Whether V8 has the same hidden class for both. */
function haveSameShape(one: object, other: object): boolean {
  setFlagsFromString('--allow-natives-syntax');
  try {
    const compare = runInThisContext(
      '(one, other) => %HaveSameMap(one, other)',
    ) as typeof haveSameShape;
    return compare(one, other);
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

describe('The messages of Express', () => {
  it('are what Express wants from the start, and all of one shape', async () => {
    const app = express();
    const { handler, met } = pair();
    app.get('/:id', handler);
    const made: unknown[][] = [];
    const server = createServer(expressPrototypes(app), (request, response) => {
      made.push(prototypesOf([request, response]));
      app(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const answers = await Promise.all(['a', 'b'].map((id) => fetch(`${url}/${id}`)));
      expect(answers.map(({ status }) => status)).toEqual([202, 202]);
      const bodies = await Promise.all(answers.map((answer) => answer.json()));
      expect(bodies).toEqual([{ id: 'a' }, { id: 'b' }]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    const wanted = made.flat();
    expect(met.flatMap(prototypesOf).map((prototype, n) => prototype === wanted[n])).toEqual([
      true,
      true,
      true,
      true,
    ]);
    const [one = NO_MESSAGES, other = NO_MESSAGES] = met;
    expect(haveSameShape(one[0], other[0])).toBe(true);
    expect(haveSameShape(one[1], other[1])).toBe(true);
  });
});
