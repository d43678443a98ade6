import { SendMessageRequest } from '@a2a-js/sdk';
import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import pg from 'pg';
import { BINDINGS, message, sdkClient, type StreamUpdate, useA2aMesh } from '../../support/a2a.js';
import { requestApproval } from '../../support/a2a-approvals.js';
import { startTestApp } from '../../support/app.js';
import { until } from '../../support/eventually.js';
import { sendFromNewConnection } from '../../support/host-request.js';
import { TABLE_WAITS } from '../../support/lock-waits.js';
import { finish, metrics } from '../../support/work.js';

/** The number of statements that wait for a lock of a table. */
async function waitingFor(db: pg.Client, table: string): Promise<number> {
  return (await db.query(TABLE_WAITS, [table])).rows.length;
}

/** The updates of a stream as they arrive. */
class Received {
  readonly updates: StreamUpdate[] = [];
  readonly ended: Promise<void>;

  constructor(stream: AsyncGenerator<StreamUpdate, void, undefined>) {
    this.ended = (async () => {
      for await (const update of stream) this.updates.push(update);
    })();
  }

  /** The states, and `artifact` for the result. */
  get states(): string[] {
    return this.updates.map(
      ({ task, statusUpdate, artifactUpdate }) =>
        task?.status.state ??
        statusUpdate?.status.state ??
        (artifactUpdate ? 'artifact' : 'nothing'),
    );
  }

  async reaches(count: number): Promise<void> {
    await until(() => this.updates.length >= count);
  }
}

describe('A2A streams', () => {
  const shared = useA2aMesh();

  it('end when the client disconnects before they begin', async () => {
    const name = `mesh_a2a_requests_total{binding="rest",operation="SendStreamingMessage",outcome="ok"}`;
    const before = (await metrics(shared.one))(name);
    const blocker = new pg.Client({ connectionString: shared.one.databaseUrl });
    await blocker.connect();
    try {
      await blocker.query('BEGIN; LOCK TABLE tasks IN EXCLUSIVE MODE');
      const connected = once(shared.one.app.getHttpServer(), 'connection');
      const sent = sendFromNewConnection(
        `${shared.one.url}/a2a/manager/v1/message:stream`,
        { authorization: `Bearer ${shared.caller('rest').token}`, 'a2a-version': '1.0' },
        { message: message('Work') },
      );
      const [socket] = (await connected) as [Socket];
      await until(async () => (await waitingFor(blocker, 'tasks')) > 0);
      const disconnected = once(socket, 'close');
      sent.destroy();
      await disconnected;
      await blocker.query('ROLLBACK');

      await until(async () => (await metrics(shared.one))(name) === before + 1);
    } finally {
      await blocker.end();
    }
  });

  const LIFECYCLE = [
    'TASK_STATE_SUBMITTED',
    'TASK_STATE_WORKING',
    'artifact',
    'TASK_STATE_COMPLETED',
  ];

  describe.each(BINDINGS)('A stream over %s', (binding) => {
    it('begins with the task and ends with its end, which happens on another controller', async () => {
      const finance = shared.caller(binding);
      const received = new Received(
        finance.stream('SendStreamingMessage', { message: message('Work') }),
      );
      await received.reaches(1);
      const id = received.updates[0]?.task?.id ?? '';
      const subscribed = new Received(finance.stream('SubscribeToTask', { id }));
      await subscribed.reaches(1);

      const { worker, session } = await shared.claim(id);
      await Promise.all([received.reaches(2), subscribed.reaches(2)]);
      await finish(worker, session, { status: 'completed', result: { ok: true } });
      await Promise.all([received.ended, subscribed.ended]);

      expect(received.states).toEqual(LIFECYCLE);
      expect(subscribed.updates.slice(1)).toEqual(received.updates.slice(1));
      expect(received.updates[2]?.artifactUpdate?.artifact.parts[0]?.data).toEqual({ ok: true });
    });

    it('stays open while an approval waits for the caller', async () => {
      const cfo = shared.caller(binding, ['finance', 'cfo']);
      const { id } = await cfo.send('Work');
      const received = new Received(cfo.stream('SubscribeToTask', { id }));
      await received.reaches(1);
      const { worker, session } = await shared.claim(id);
      await received.reaches(2);
      const approval = await requestApproval(worker, id, 'cfo');
      await received.reaches(3);
      const decided = await shared.one
        .agent('cfo')
        .post(`/approvals/${approval}/decision`, { decision: 'approved' });
      expect(decided.status).toBe(200);
      await received.reaches(4);
      await finish(worker, session);
      await received.ended;

      expect(received.states).toEqual([
        'TASK_STATE_SUBMITTED',
        'TASK_STATE_WORKING',
        'TASK_STATE_AUTH_REQUIRED',
        'TASK_STATE_WORKING',
        'TASK_STATE_COMPLETED',
      ]);
    });

    it('continues over the attempts of a task', async () => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const received = new Received(finance.stream('SubscribeToTask', { id }));
      await received.reaches(1);
      const first = await shared.claim(id);
      await received.reaches(2);
      await finish(first.worker, first.session, { status: 'failed', error: 'no', retryable: true });
      await received.reaches(3);
      await finance.call('CancelTask', { id });
      await received.ended;

      expect(received.states).toEqual([
        'TASK_STATE_SUBMITTED',
        'TASK_STATE_WORKING',
        'TASK_STATE_SUBMITTED',
        'TASK_STATE_CANCELED',
      ]);
    });

    it('ends alone: other streams of the task continue', async () => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const gone = new AbortController();
      const first = finance.stream('SubscribeToTask', { id }, { signal: gone.signal });
      await first.next();
      const second = new Received(finance.stream('SubscribeToTask', { id }));
      await second.reaches(1);
      gone.abort();
      await first.next().catch(() => undefined);

      await finance.call('CancelTask', { id });
      await second.ended;
      expect(second.states).toEqual(['TASK_STATE_SUBMITTED', 'TASK_STATE_CANCELED']);
    });

    it('ends when its controller stops, and continues on another one', async () => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const stopping = await startTestApp({
        databaseUrl: shared.one.databaseUrl,
        env: { A2A_ROLES: 'manager' },
      });
      const first = new Received(
        finance.as(binding, stopping.url).stream('SubscribeToTask', { id }),
      );
      await first.reaches(1);
      await stopping.close();
      await first.ended;
      expect(first.states).toEqual(['TASK_STATE_SUBMITTED']);

      const { worker, session } = await shared.claim(id);
      const second = new Received(finance.stream('SubscribeToTask', { id }));
      await second.reaches(1);
      await finish(worker, session);
      await second.ended;
      expect(second.states).toEqual(['TASK_STATE_WORKING', 'TASK_STATE_COMPLETED']);
    });

    it('is limited per caller, before a message is sent', async () => {
      const finance = shared.caller(binding, 'finance');
      const { id } = await finance.send('Work');
      const gone = new AbortController();
      const streams = Array.from({ length: 5 }, () =>
        finance.stream('SubscribeToTask', { id }, { signal: gone.signal }),
      );
      await Promise.all(streams.map((stream) => stream.next()));

      const answer = await finance.call('SendStreamingMessage', { message: message('One more') });
      expect(answer.status).toBe(429);
      expect(answer.error?.reason).toBe('EVENTS_TOO_MANY_STREAMS');
      expect(answer.headers.get('retry-after')).toBe('5');
      gone.abort();
      await Promise.all(streams.map((stream) => stream.next().catch(() => undefined)));
      await finance.call('CancelTask', { id });
    });

    it('is received by the client of the SDK', async () => {
      const finance = shared.caller(binding);
      const client = await sdkClient(shared.one.url, 'manager', finance.token, binding);
      const request = SendMessageRequest.fromJSON({ message: message('Work') });
      const sent: (string | undefined)[] = [];
      for await (const { payload } of client.sendMessageStream(request)) {
        sent.push(payload?.$case);
        if (payload?.$case === 'task') await finance.call('CancelTask', { id: payload.value.id });
      }
      expect(sent).toEqual(['task', 'statusUpdate']);

      const { id } = await finance.send('Work');
      const cases: (string | undefined)[] = [];
      for await (const { payload } of client.resubscribeTask({ tenant: '', id })) {
        cases.push(payload?.$case);
        if (cases.length === 1) await finance.call('CancelTask', { id });
      }
      expect(cases).toEqual(['task', 'statusUpdate']);
    });
  });
});
