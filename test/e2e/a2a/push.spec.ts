import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type A2aAgent, BINDINGS, message, sdkClient, useA2aMesh } from '../../support/a2a.js';
import { requestApproval } from '../../support/a2a-approvals.js';
import { until } from '../../support/eventually.js';
import { isSigned, type Received, WebhookReceiver } from '../../support/webhook-receiver.js';
import { finish } from '../../support/work.js';

const CREATE = 'CreateTaskPushNotificationConfig';
const GET = 'GetTaskPushNotificationConfig';
const LIST = 'ListTaskPushNotificationConfigs';
const DELETE = 'DeleteTaskPushNotificationConfig';
const HOOK_SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

interface Update {
  statusUpdate?: { taskId: string; contextId: string; status: { state: string } };
  task?: { id: string; status: { state: string }; artifacts?: { parts: { data?: unknown }[] }[] };
}

function updateOf({ body }: Received): Update {
  return JSON.parse(body) as Update;
}

function stateOf(received: Received): string | undefined {
  const { statusUpdate, task } = updateOf(received);
  return (statusUpdate ?? task)?.status.state;
}

describe('A2A push notifications', () => {
  const shared = useA2aMesh();
  let receiver: WebhookReceiver;
  /** The status with which the endpoint responds to the next requests with a token. */
  const statuses = new Map<string, number[]>();

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    receiver.respond = ({ headers }, response) => {
      const next = statuses.get(headers['x-a2a-notification-token'] ?? '')?.shift();
      response.writeHead(next ?? 204).end();
    };
  });
  afterAll(() => receiver.close());

  const received = (token: string): Received[] =>
    receiver.received.filter(({ headers }) => headers['x-a2a-notification-token'] === token);
  const states = (token: string): (string | undefined)[] => received(token).map(stateOf);
  const untilCount = (token: string, count: number): Promise<void> =>
    until(() => received(token).length >= count);

  async function create(
    agent: A2aAgent,
    taskId: string,
    more: Record<string, unknown> = {},
  ): Promise<{ id: string; token: string }> {
    const token = randomUUID();
    const answer = await agent.call(CREATE, { taskId, url: receiver.url, token, ...more });
    if (answer.error) throw new Error(JSON.stringify(answer.error));
    return { id: String(answer.result.id), token };
  }

  const row = async (taskId: string) => {
    const [found] = await shared.one.query<{
      ended_at: Date | null;
      secret: Buffer;
      due_at: Date | null;
    }>('SELECT * FROM push_configs WHERE task_id = $1', [taskId]);
    return found;
  };
  const untilEnded = (taskId: string): Promise<void> =>
    until(async () => ((await row(taskId))?.ended_at ?? null) !== null);
  /** Ends the pause before the next attempt. The claim of an attempt in progress lasts 60 s. */
  const retryNow = (taskId: string) =>
    shared.one.query(
      `UPDATE push_configs SET due_at = now()
        WHERE task_id = $1 AND attempts > 0 AND due_at NOT BETWEEN now() + interval '10 s' AND now() + interval '100 s'`,
      [taskId],
    );

  describe.each(BINDINGS)('over %s', (binding) => {
    const finance = (): A2aAgent => shared.caller(binding);

    it('are sent for each state of a task that a message creates, until it has ended', async () => {
      const token = randomUUID();
      const { id, contextId } = await finance().task('SendMessage', {
        message: message('Work'),
        configuration: {
          returnImmediately: true,
          taskPushNotificationConfig: {
            url: receiver.url,
            token,
            authentication: { scheme: 'Bearer', credentials: 'of-the-receiver' },
          },
        },
      });
      const { worker, session } = await shared.claim(id);
      await finish(worker, session, { status: 'completed', result: { ok: true } });
      await untilEnded(id);

      expect(states(token)).toEqual(['TASK_STATE_WORKING', 'TASK_STATE_COMPLETED']);
      const [working, completed] = received(token);
      expect(working && updateOf(working).statusUpdate).toMatchObject({ taskId: id, contextId });
      expect(completed && updateOf(completed).task).toMatchObject({
        id,
        artifacts: [{ parts: [{ data: { ok: true } }] }],
      });
      for (const { headers } of received(token)) {
        expect(headers).toMatchObject({
          authorization: 'Bearer of-the-receiver',
          'content-type': 'application/a2a+json',
          'a2a-version': '1.0',
          'webhook-id': expect.stringContaining(id),
        });
        expect(headers['webhook-signature']).toBeUndefined();
      }
    });

    it('are sent for a message in a stream', async () => {
      const agent = finance();
      const token = randomUUID();
      const stream = agent.stream('SendStreamingMessage', {
        message: message('Work'),
        configuration: { taskPushNotificationConfig: { url: receiver.url, token } },
      });
      const first = await stream.next();
      const id = first.done === true ? '' : (first.value.task?.id ?? '');
      await agent.call('CancelTask', { id });
      await untilEnded(id);
      await stream.return();

      expect(states(token)).toEqual(['TASK_STATE_CANCELED']);
    });

    it('have configurations that their owner reads and deletes, without the credentials', async () => {
      const agent = finance();
      const { id: taskId } = await agent.send('Work');
      const created = await agent.call(CREATE, {
        taskId,
        id: 'mine',
        url: receiver.url,
        token: 'secret-token',
        authentication: { scheme: 'Bearer', credentials: 'secret-credentials' },
      });
      const mine = { id: 'mine', taskId, url: receiver.url, authentication: { scheme: 'Bearer' } };
      expect(created.result).toMatchObject(mine);
      const { id } = await create(agent, taskId);
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      const got = await agent.call(GET, { taskId, id: 'mine' });
      expect(got.result).toMatchObject(mine);
      const listed = await agent.call(LIST, { taskId });
      expect((listed.result.configs as { id: string }[]).map((one) => one.id)).toEqual([
        'mine',
        id,
      ]);
      for (const { body } of [created, got, listed]) {
        expect(JSON.stringify(body)).not.toContain('secret-');
      }

      for (let time = 1; time <= 2; time += 1) {
        const deleted = await agent.call(DELETE, { taskId, id: 'mine' });
        expect(deleted.error).toBeUndefined();
      }
      const gone = await agent.call(GET, { taskId, id: 'mine' });
      expect(gone.error?.reason).toBe('TASK_NOT_FOUND');
      const rest = await agent.call(LIST, { taskId });
      expect(rest.result.configs).toHaveLength(1);
      await agent.call('CancelTask', { id: taskId });
    });

    it('have configurations that no other caller sees, not even a participant', async () => {
      const agent = finance();
      const { id: taskId } = await agent.send('Work');
      await create(agent, taskId, { id: 'mine' });
      const manager = shared.caller(binding, 'manager');
      const seen = await manager.call(LIST, { taskId });
      expect(seen.result.configs ?? []).toEqual([]);
      const foreign = await manager.call(GET, { taskId, id: 'mine' });
      expect(foreign.error?.reason).toBe('TASK_NOT_FOUND');
      await manager.call(DELETE, { taskId, id: 'mine' });
      expect((await agent.call(GET, { taskId, id: 'mine' })).error).toBeUndefined();

      const stranger = shared.caller(binding, 'hr');
      for (const call of [
        stranger.call(CREATE, { taskId, url: receiver.url }),
        stranger.call(GET, { taskId, id: 'mine' }),
        stranger.call(LIST, { taskId }),
        stranger.call(DELETE, { taskId, id: 'mine' }),
      ]) {
        expect((await call).error?.reason).toBe('TASK_NOT_FOUND');
      }
      await agent.call('CancelTask', { id: taskId });
    });

    it.each([
      ['a URL that is none', { url: 'hook' }],
      ['no URL', { url: undefined }],
      ['another scheme than http', { url: 'ftp://example.com/' }],
      ['credentials in the URL', { url: 'https://me:secret@example.com/' }],
      ['a fragment', { url: 'https://example.com/#a' }],
      ['a private address', { url: 'https://10.0.0.1/' }],
      ['a metadata service', { url: 'http://169.254.169.254/latest' }],
      ['a mapped address', { url: 'https://[::ffff:10.0.0.1]/' }],
      ['a long URL', { url: `https://example.com/${'a'.repeat(2_000)}` }],
      ['a token with a line break', { token: 'a\r\nHost: b' }],
      ['a token that is no text', { token: {} }],
      ['an id with a slash', { id: 'a/b' }],
      ['an id with a null character', { id: 'a\0' }],
      ['an authentication without a scheme', { authentication: { credentials: 'x' } }],
      ['a scheme with a space', { authentication: { scheme: 'Bearer x' } }],
      [
        'credentials with a line break',
        { authentication: { scheme: 'Bearer', credentials: 'a\nb' } },
      ],
      [
        'a signing secret of another form',
        { authentication: { scheme: 'standard-webhooks', credentials: 'x' } },
      ],
      ['a tenant', { tenant: 'x' }],
    ])('refuse %s, also in a message, which is not sent then', async (_, wrong) => {
      const agent = finance();
      const { id: taskId } = await agent.send('Work');
      const config = { url: receiver.url, ...wrong };
      const { error } = await agent.call(CREATE, { taskId, ...config });
      expect(error?.reason).toBe('INVALID_PARAMS');
      const contextId = randomUUID();
      const sent = await agent.call('SendMessage', {
        message: message('x', { contextId }),
        configuration: { returnImmediately: true, taskPushNotificationConfig: config },
      });
      expect(sent.error?.reason).toBe('INVALID_PARAMS');
      const { result } = await agent.call('ListTasks', { contextId });
      expect(result.tasks ?? []).toEqual([]);
      await agent.call('CancelTask', { id: taskId });
    });

    it('work with the client of the SDK', async () => {
      const agent = finance();
      const { id: taskId } = await agent.send('Work');
      const client = await sdkClient(shared.one.url, 'manager', agent.token, binding);
      const { id } = await client.createTaskPushNotificationConfig({
        tenant: '',
        id: 'sdk',
        taskId,
        url: receiver.url,
        token: '',
        authentication: undefined,
      });
      const { configs } = await client.listTaskPushNotificationConfig({
        tenant: '',
        taskId,
        pageSize: 0,
        pageToken: '',
      });
      expect(configs.map((one) => one.id)).toEqual(['sdk']);
      await client.deleteTaskPushNotificationConfig({ tenant: '', taskId, id });
      await expect(
        client.getTaskPushNotificationConfig({ tenant: '', taskId, id }),
      ).rejects.toMatchObject({ name: 'TaskNotFoundError' });
      await agent.call('CancelTask', { id: taskId });
    });
  });

  describe('An endpoint', () => {
    let agent: A2aAgent;
    beforeAll(() => {
      agent = shared.caller('jsonrpc');
    });

    it('receives an update again until it responds with 2xx, and the next one after it', async () => {
      const { id } = await agent.send('Work');
      const { token } = await create(agent, id);
      statuses.set(token, [503, 302, 204, 500]);
      const { worker, session } = await shared.claim(id);
      await untilCount(token, 1);
      await finish(worker, session, { status: 'completed', result: {} });
      await until(async () => {
        await retryNow(id);
        return received(token).length >= 5;
      });
      await untilEnded(id);

      const working = 'TASK_STATE_WORKING';
      const completed = 'TASK_STATE_COMPLETED';
      expect(states(token)).toEqual([working, working, working, completed, completed]);
      const [first, second, third, fourth, fifth] = received(token).map((one) => one.id);
      expect([second, third]).toEqual([first, first]);
      expect(fourth).not.toBe(first);
      expect(fifth).toBe(fourth);
    });

    it('that is gone receives nothing more', async () => {
      const { id } = await agent.send('Work');
      const { token } = await create(agent, id);
      statuses.set(token, [410]);
      await shared.claim(id);
      await untilEnded(id);
      await agent.call('CancelTask', { id });
      const last = await create(agent, id);
      await untilCount(last.token, 1);

      expect(received(token)).toHaveLength(1);
    });

    it('receives nothing after its configuration was deleted', async () => {
      const { id } = await agent.send('Work');
      const [deleted, kept] = await Promise.all([create(agent, id), create(agent, id)]);
      await agent.call(DELETE, { taskId: id, id: deleted.id });
      await shared.claim(id);
      await agent.call('CancelTask', { id });
      await until(() => states(kept.token).includes('TASK_STATE_CANCELED'));

      expect(states(kept.token)).toEqual(['TASK_STATE_WORKING', 'TASK_STATE_CANCELED']);
      expect(received(deleted.token)).toEqual([]);
    });

    it('receives the end of a task that had ended when it was configured', async () => {
      const { id } = await agent.send('Work');
      await agent.call('CancelTask', { id });
      const { token } = await create(agent, id);
      await untilEnded(id);

      expect(states(token)).toEqual(['TASK_STATE_CANCELED']);
    });

    it('receives the end of a task that ends while it is configured', async () => {
      const tasks = await Promise.all([1, 2, 3, 4, 5, 6].map(() => agent.send('Work')));
      const tokens = await Promise.all(
        tasks.map(async ({ id }) => {
          const [config] = await Promise.all([create(agent, id), agent.call('CancelTask', { id })]);
          return config.token;
        }),
      );
      for (const { id } of tasks) await untilEnded(id);

      for (const token of tokens) expect(states(token)).toEqual(['TASK_STATE_CANCELED']);
    });

    it('is replaced by a configuration with the same id', async () => {
      const { id } = await agent.send('Work');
      const old = await create(agent, id, { id: 'one' });
      const next = await create(agent, id, { id: 'one' });
      await agent.call('CancelTask', { id });
      await untilEnded(id);

      expect(received(old.token)).toEqual([]);
      expect(states(next.token)).toEqual(['TASK_STATE_CANCELED']);
    });

    it('is stored once by a message that is sent again', async () => {
      const token = randomUUID();
      const parameters = {
        message: message('Work'),
        configuration: {
          returnImmediately: true,
          taskPushNotificationConfig: { url: receiver.url, token },
        },
      };
      const { id } = await agent.task('SendMessage', parameters);
      await agent.task('SendMessage', parameters);
      const { result } = await agent.call(LIST, { taskId: id });
      expect(result.configs).toHaveLength(1);
      await agent.call('CancelTask', { id });
      await untilEnded(id);

      expect(states(token)).toEqual(['TASK_STATE_CANCELED']);
    });

    it('receives what waits for an approval of its owner', async () => {
      const cfo = shared.caller('jsonrpc', ['finance', 'cfo']);
      const { id } = await cfo.send('Work');
      const { token } = await create(cfo, id);
      const { worker, session } = await shared.claim(id);
      const approval = await requestApproval(worker, id, 'cfo');
      await untilCount(token, 2);
      const decided = await shared.one
        .agent('cfo')
        .post(`/approvals/${approval}/decision`, { decision: 'approved' });
      expect(decided.status).toBe(200);
      await finish(worker, session, { status: 'completed', result: {} });
      await untilEnded(id);

      expect(states(token)).toEqual([
        'TASK_STATE_WORKING',
        'TASK_STATE_AUTH_REQUIRED',
        'TASK_STATE_WORKING',
        'TASK_STATE_COMPLETED',
      ]);
    });

    it('receives a signature of its own secret, which is not sent', async () => {
      const { id } = await agent.send('Work');
      const { token } = await create(agent, id, {
        authentication: { scheme: 'Standard-Webhooks', credentials: HOOK_SECRET },
      });
      await agent.call('CancelTask', { id });
      await untilCount(token, 1);
      const [one] = received(token);

      expect(one && isSigned(one, HOOK_SECRET)).toBe(true);
      expect(one?.headers.authorization).toBeUndefined();
      expect(JSON.stringify(one?.headers)).not.toContain(HOOK_SECRET.slice(6));
    });

    it('is continued by another instance if an attempt does not end', async () => {
      const { id } = await agent.send('Work');
      const { token } = await create(agent, id);
      // The attempt of an instance that was killed: nobody records its outcome.
      await until(async () => (await row(id))?.due_at === null);
      await shared.one.query(
        `UPDATE push_configs SET version = version + 1, due_at = now() + interval '1 s' WHERE task_id = $1`,
        [id],
      );
      await agent.call('CancelTask', { id });
      await untilEnded(id);

      expect(states(token)).toEqual(['TASK_STATE_CANCELED']);
    });
  });

  describe('The configurations of a task', () => {
    it('are ten for an owner, also if they are created at once', async () => {
      const agent = shared.caller('rest');
      const { id: taskId } = await agent.send('Work');
      const answers = await Promise.all(
        Array.from({ length: 13 }, () => agent.call(CREATE, { taskId, url: receiver.url })),
      );
      const reasons = answers.flatMap(({ error }) => (error ? [error.reason] : []));
      expect(reasons).toEqual([
        'WEBHOOK_LIMIT_REACHED',
        'WEBHOOK_LIMIT_REACHED',
        'WEBHOOK_LIMIT_REACHED',
      ]);
      const { result } = await agent.call(LIST, { taskId });
      expect(result.configs).toHaveLength(10);
      await agent.call('CancelTask', { id: taskId });
    });

    it('are created and deleted at once without a trace', async () => {
      const agent = shared.caller('jsonrpc');
      const { id: taskId } = await agent.send('Work');
      for (let round = 0; round < 5; round += 1) {
        const answers = await Promise.all([
          agent.call(CREATE, { taskId, id: 'one', url: receiver.url }),
          agent.call(DELETE, { taskId, id: 'one' }),
          agent.call(CREATE, { taskId, id: 'one', url: receiver.url }),
        ]);
        expect(answers.flatMap(({ error }) => error ?? [])).toEqual([]);
      }
      await agent.call(DELETE, { taskId, id: 'one' });
      const { result } = await agent.call(LIST, { taskId });
      expect(result.configs ?? []).toEqual([]);
      await agent.call('CancelTask', { id: taskId });
    });

    it('are encrypted, recorded in the audit log, and counted', async () => {
      const agent = shared.caller('jsonrpc');
      const { id: taskId, contextId } = await agent.send('Work');
      const { id, token } = await create(agent, taskId);
      expect((await row(taskId))?.secret.includes(token)).toBe(false);
      await agent.call('CancelTask', { id: taskId });
      await untilEnded(taskId);
      await agent.call(DELETE, { taskId, id });

      const { body, text } = await shared.one
        .agent('auditor')
        .get<{ events: { event_type: string; metadata: Record<string, unknown> }[] }>(
          `/audit/events?event_type=agent.a2a.push_config_set&trace_id=${contextId}`,
        );
      const { origin } = new URL(receiver.url);
      expect(body.events.map(({ metadata }) => metadata)).toMatchObject([
        { config_id: id, origin, task_id: taskId },
      ]);
      expect(text).not.toContain(token);
      const metrics = await Promise.all(
        [shared.one, shared.other].map((mesh) => mesh.agent('auditor').get('/metrics')),
      );
      const delivered = metrics.map((one) =>
        Number(/push_notifications_total\{result="delivered"\} (\d+)/.exec(one.text)?.[1]),
      );
      expect(delivered.reduce((sum, one) => sum + one)).toBeGreaterThan(0);
    });
  });
});
