import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newDatabase, newSubject, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { eventually, until } from '../../support/eventually.js';
import { times } from '../../support/kit.js';
import { dropTestDatabase } from '../../support/postgres.js';

const READERS = 490;
const SLOW = 10;
/** Streams that are opened at a time. */
const GROUP = 10;
const STREAMS_OF_SUBJECT = 5;
const TASKS = 5;
/** More than the buffers of a connection in the operating system take: 20 MB. */
const LARGE_EVENTS = 400;
const LARGE_CHARS = 50_000;
const PER_REPORT = 10;

const MAX_GROWTH_BYTES = 400 * 2 ** 20;
/** On a machine that runs other tests. */
const MAX_DELAY_MS = 5_000;
const MAX_WAIT_MS = 60_000;

describe('500 event streams on one instance', () => {
  const agent = new Agent({ maxSockets: Infinity });
  let databaseUrl: string;
  let controller: ControllerProcess;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    controller = await ControllerProcess.start({ databaseUrl });
  });

  afterAll(async () => {
    agent.destroy();
    await controller.stop();
    await dropTestDatabase(databaseUrl);
  });

  const clientOf = (role: string): Client =>
    new Client(controller.url, tokenFor(role, newSubject(role)));

  async function open(query: string, index: number): Promise<IncomingMessage> {
    const subject = `reader-${Math.floor(index / STREAMS_OF_SUBJECT)}`;
    const authorization = `Bearer ${tokenFor('auditor', subject)}`;
    const url = `${controller.url}/events/stream${query}`;
    const request = get(url, { agent, headers: { authorization } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.on('error', () => undefined);
    return response;
  }

  async function metric(name: string): Promise<number> {
    const { text } = await clientOf('admin').get('/metrics');
    const line = text.split('\n').find((found) => found.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? 0);
  }

  it('deliver on time, disconnect clients that do not read, and need a bounded memory', async () => {
    const before = await metric('process_resident_memory_bytes');
    const readers: IncomingMessage[] = [];
    while (readers.length < READERS) {
      const first = readers.length;
      const group = times(GROUP, (index) => open('?types=task.routed', first + index));
      readers.push(...(await Promise.all(group)));
    }
    const received = readers.map(() => 0);
    readers.forEach((response, index) => {
      response.setEncoding('utf8').on('data', (text: string) => {
        received[index] = (received[index] ?? 0) + text.split('event: task.routed').length - 1;
      });
    });
    // Nobody reads these responses.
    await Promise.all(times(SLOW, (index) => open('', READERS + index)));

    const finance = clientOf('finance');
    const report = { source: 'test', category: 'load', action: 'wrote' };
    const large = { ...report, metadata: { text: 'x'.repeat(LARGE_CHARS) } };
    for (let n = 0; n < LARGE_EVENTS / PER_REPORT; n += 1) {
      const answer = await finance.post(
        '/audit/ingest',
        times(PER_REPORT, () => large),
      );
      expect(answer.status).toBe(202);
    }
    const delays: number[] = [];
    for (let n = 1; n <= TASKS; n += 1) {
      const start = performance.now();
      const task = { target: 'manager', task: { task_type: 'approval' } };
      expect((await finance.post('/tasks/route', task)).status).toBe(202);
      await until(() => received.every((count) => count >= n), MAX_WAIT_MS);
      delays.push(performance.now() - start);
    }
    const SLOW_ENDS = 'mesh_event_streams_ended_total{reason="slow_consumer"}';
    const ends = await eventually(
      () => metric(SLOW_ENDS),
      (count) => count >= SLOW,
      MAX_WAIT_MS,
    );
    const growth = (await metric('process_resident_memory_bytes')) - before;

    expect(ends).toBe(SLOW);
    expect(received).toEqual(readers.map(() => TASKS));
    expect(Math.max(...delays)).toBeLessThan(MAX_DELAY_MS);
    expect(await metric('mesh_event_streams')).toBe(READERS);
    expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
  }, 240_000);
});
