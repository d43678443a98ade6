/** How long an event takes from its change to its readers, and the cost of streams for those who route tasks. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../support/client.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';
import { median } from './group.js';
import { type Bench, sample } from './rounds.js';
import { System } from './systems.js';
import { warmUp } from './warm-up.js';

const STREAMS = 100;
const STREAMS_OF_SUBJECT = 5;
const EVENTS = 200;
const PAUSE_MS = 20;
const CONNECTIONS = 16;
const ROUTE = 'route';
const TASK = { target: 'manager', task: { task_type: 'budget_approval' } };

export interface EventRounds {
  dist: string;
  rounds: number;
  seconds: number;
}

/** Measures in one run: rounds without and with streams alternate on two controllers. Returns a report. */
export async function events(
  bench: Bench,
  { dist, rounds, seconds }: EventRounds,
): Promise<string> {
  const systems = [
    await System.controller(bench.ground, dist),
    await System.controller(bench.ground, dist),
  ];
  const [without, withStreams] = systems;
  if (!without || !withStreams) throw new Error('There are two systems.');
  const receiver = await WebhookReceiver.start();
  const stop = new AbortController();
  try {
    await warmUp(bench, systems, ROUTE);
    const times = await deliveryTimes(bench, withStreams, receiver, stop.signal);
    const ratios: number[] = [];
    const tokens = bench.ground.tokens(CONNECTIONS);
    for (let round = 0; round < rounds; round += 1) {
      const perSecond = new Map<System, number>();
      for (const system of round % 2 === 0 ? systems : systems.toReversed())
        perSecond.set(system, (await sample(bench, system, ROUTE, tokens, seconds)).perSecond);
      ratios.push((perSecond.get(withStreams) ?? NaN) / (perSecond.get(without) ?? NaN));
    }
    return [
      `Time from an event to its delivery, ${EVENTS} events, one every ${PAUSE_MS} ms or more:`,
      `  stream   ${percentiles(times.stream)}`,
      `  webhook  ${percentiles(times.webhook)}`,
      `Requests per second of "${ROUTE}" with ${STREAMS} streams, relative to none: ${median(ratios).toFixed(2)} (median of ${rounds} rounds of ${seconds} s, ${CONNECTIONS} connections)`,
    ].join('\n');
  } finally {
    stop.abort();
    await Promise.all(systems.map((system) => system.stop()));
    await receiver.close();
  }
}

/** Opens the streams, which stay, and a webhook, and routes tasks one after another. Returns times in milliseconds. */
async function deliveryTimes(
  { ground }: Bench,
  { url }: System,
  receiver: WebhookReceiver,
  stop: AbortSignal,
): Promise<Record<'stream' | 'webhook', number[]>> {
  const times = { stream: [] as number[], webhook: [] as number[] };
  const subjects = ground.tokens(STREAMS / STREAMS_OF_SUBJECT, ['auditor']);
  for (let n = 0; n < STREAMS; n += 1) {
    const response = await openStream(url, subjects[n % subjects.length] ?? '', stop);
    if (n === 0) collectAges(response, times.stream);
    else response.resume();
  }
  const [admin = ''] = ground.tokens(1, ['admin']);
  const webhook = { url: receiver.url, types: ['task.routed'] };
  const administrator = new Client(url, admin);
  const created = await administrator.post('/webhooks', webhook);
  if (created.status !== 201) throw new Error(`The webhook was not created: ${created.text}`);
  receiver.respond = ({ body }, response) => {
    times.webhook.push(ageOf(body));
    response.writeHead(204).end();
  };
  const [token = ''] = ground.tokens(1);
  const agent = new Client(url, token);
  for (let n = 0; n < EVENTS; n += 1) {
    await agent.post('/tasks/route', TASK);
    await sleep(PAUSE_MS);
  }
  for (const received of Object.values(times)) {
    while (received.length < EVENTS) await sleep(PAUSE_MS);
  }
  await administrator.call('DELETE', `/webhooks/${String(created.body.id)}`);
  return times;
}

async function openStream(
  url: string,
  token: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${token}` };
  const request = get(`${url}/events/stream?types=task.routed`, { agent: false, headers, signal });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`The stream is ${response.statusCode}.`);
  // The end of the run aborts it.
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  return response;
}

/** Adds the age of each event at its arrival. */
function collectAges(response: IncomingMessage, ages: number[]): void {
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) if (block.includes('\ndata: ')) ages.push(ageOf(block));
  });
}

/** Milliseconds since an event was recorded, which is before its commit. */
function ageOf(text: string): number {
  return Date.now() - Date.parse(/"time":"([^"]+)"/.exec(text)?.[1] ?? '');
}

function percentiles(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): string => String(sorted[Math.floor(sorted.length * share)] ?? NaN);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
