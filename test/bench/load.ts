/** The agents, in a process of their own: does one round when told to, and tells what it took. */
import { performance } from 'node:perf_hooks';
import { Client } from 'undici';
import { caseOf } from './all-cases.js';
import { type Answer, type Send } from './cases.js';

/** One round: agents that each do one thing after the other, on a connection that stays open. */
export interface Round {
  url: string;
  case: string;
  /** One for each connection. */
  tokens: string[];
  seconds: number;
  given: string[];
}

/** What came of a round; times in milliseconds. */
export interface Measured {
  perSecond: number;
  count: number;
  p50: number;
  p99: number;
}

process.on('message', (round: Round) => {
  void run(round).then(
    (measured) => process.send?.(measured),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});

async function run({ url, case: name, tokens, seconds, given }: Round): Promise<Measured> {
  const found = caseOf(name);
  const times: number[] = [];
  const clients = tokens.map(() => new Client(url));
  const agents = clients.map((client, n) => sender(client, n, tokens[n] ?? ''));
  let next = 0;
  let ends = 0;
  const begin = async (send: Send): Promise<void> => {
    for (const each of given) await found.begin?.(send, each);
  };
  const work = async (send: Send): Promise<void> => {
    for (let at = performance.now(); at < ends; at = performance.now()) {
      const nth = next++;
      if (found.usesUp && nth >= given.length) return;
      await found.act(send, given[nth % given.length] ?? '');
      times.push(performance.now() - at);
    }
  };
  let elapsed: number;
  try {
    await Promise.all(clients.map(connect));
    await Promise.all(agents.map(begin));
    const started = performance.now();
    ends = started + seconds * 1000;
    await Promise.all(agents.map(work));
    elapsed = performance.now() - started;
  } finally {
    await Promise.all(clients.map((client) => client.destroy()));
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? NaN;
  const perSecond = (times.length / elapsed) * 1000;
  return { perSecond, count: times.length, p50: at(0.5), p99: at(0.99) };
}

/**
 * Opens the connection that an agent keeps, off the clock: a server that is busy takes new ones one by one, between all
 * else that it does.
 */
async function connect(client: Client): Promise<void> {
  const { body } = await client.request({ method: 'GET', path: '/status' });
  await body.dump();
}

function sender(client: Client, agent: number, token: string): Send {
  const authorization = `Bearer ${token}`;
  const send = async (...[method, path, { body, key } = {}]: Parameters<Send>): Promise<Answer> => {
    const response = await client.request({
      method,
      path,
      headers: {
        authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = { status: response.statusCode, body: await response.body.text() };
    // On a machine that others keep busy, too; as agents do, and on the clock.
    return answer.status === 503
      ? send(method, path, { body, ...(key !== undefined && { key }) })
      : answer;
  };
  return Object.assign(send, { agent });
}
