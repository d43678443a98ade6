import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { A2aAgent, type A2aTask, BINDINGS, message, useA2aMesh } from '../../support/a2a.js';
import { requestApproval } from '../../support/a2a-approvals.js';
import { newSubject } from '../../support/app.js';
import { finish, Team } from '../../support/work.js';

const NOW = { configuration: { returnImmediately: true } };

/** A further message of a task, with parts of 60,000 characters. */
const largeMessage = (parts: number, taskId: string): Record<string, unknown> => {
  const part = { data: { text: 'x'.repeat(60_000) } };
  return message('', { taskId, parts: Array.from({ length: parts }, () => part) });
};

describe('A2A tasks', () => {
  const shared = useA2aMesh();

  describe.each(BINDINGS)('A task over %s', (binding) => {
    it('is routed to the role, with the content of the message', async () => {
      const finance = shared.caller(binding);
      const sent = await finance.send('Approve the budget', {
        parts: [{ text: 'Approve the budget' }, { data: { amount: 5 } }],
        metadata: { 'mesh.taskType': 'budget_approval', origin: 'test' },
      });

      const { body } = await shared.one.agent('manager').get(`/tasks/${sent.id}`);
      expect(body).toMatchObject({
        task_type: 'budget_approval',
        description: 'Approve the budget',
        data: { amount: 5 },
        from_role: 'finance',
        to_role: 'manager',
        trace_id: sent.contextId,
        context: { a2a: { metadata: { origin: 'test' } } },
      });
      expect(sent.status.state).toBe('TASK_STATE_SUBMITTED');
      expect(sent.history).toEqual([
        expect.objectContaining({
          role: 'ROLE_USER',
          taskId: sent.id,
          parts: [{ text: 'Approve the budget' }, { data: { amount: 5 } }],
        }),
      ]);
    });

    it('has the states of its attempts, and its result as an artifact', async () => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const { worker, session } = await shared.claim(id);
      expect((await finance.task('GetTask', { id })).status.state).toBe('TASK_STATE_WORKING');

      await finish(worker, session, { status: 'completed', result: { approved: 4 } });

      const task = await finance.task('GetTask', { id });
      expect(task.status.state).toBe('TASK_STATE_COMPLETED');
      expect(task.artifacts).toEqual([
        {
          artifactId: session,
          name: 'result',
          parts: [{ data: { approved: 4 }, mediaType: 'application/json' }],
        },
      ]);
    });

    it.each([
      [
        { status: 'failed', error: 'no budget', retryable: false },
        'TASK_STATE_FAILED',
        'no budget',
      ],
      [
        { status: 'failed', error: 'refused: not mine', retryable: false },
        'TASK_STATE_REJECTED',
        'refused: not mine',
      ],
    ])('ends with the failure %j as %s', async (failure, state, text) => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const { worker, session } = await shared.claim(id);
      await finish(worker, session, failure);

      const { status } = await finance.task('GetTask', { id });
      expect(status.state).toBe(state);
      expect(status.message?.parts).toEqual([{ text, mediaType: 'text/plain' }]);
      expect(status.message?.role).toBe('ROLE_AGENT');
    });

    it('waits for an approval: AUTH_REQUIRED only for the approver role', async () => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const { worker } = await shared.claim(id);
      const approval = await requestApproval(worker, id, 'cfo');

      const { status } = await finance.task('GetTask', { id });
      expect(status.state).toBe('TASK_STATE_WORKING');
      expect(status.message?.parts[0]?.text).toContain('the role cfo');

      const cfo = shared.caller(binding, 'cfo');
      const waiting = await cfo.task('GetTask', { id });
      expect(waiting.status.state).toBe('TASK_STATE_AUTH_REQUIRED');
      expect(waiting.status.message?.parts[0]?.text).toContain(approval);
    });

    it('is sent once for one messageId, also at the same time and by both bindings and REST', async () => {
      const finance = shared.caller(binding);
      const parameters = { message: message('Once'), configuration: { returnImmediately: true } };
      const tasks = await Promise.all(
        Array.from({ length: 6 }, (_, n) =>
          finance.as(n % 2 ? 'rest' : 'jsonrpc').task('SendMessage', parameters),
        ),
      );

      expect(new Set(tasks.map(({ id }) => id)).size).toBe(1);
      const key = String(parameters.message.messageId);
      const { body } = await finance.client.get<{ requests: { path: string }[] }>(
        `/idempotency/${key}`,
      );
      expect(body.requests.map(({ path }) => path)).toEqual(['/tasks/route']);
      const rows = await shared.one.query('SELECT 1 FROM tasks WHERE id = $1', [tasks[0]?.id]);
      expect(rows).toHaveLength(1);
    });

    it('is refused if the messageId was used with other content', async () => {
      const finance = shared.caller(binding);
      const messageId = randomUUID();
      await finance.send('One', { messageId });

      const { error } = await finance.call('SendMessage', {
        message: message('Another', { messageId }),
      });
      expect(error).toMatchObject({ reason: 'INVALID_PARAMS' });
      expect(error?.message).toContain('messageId was used');
    });

    it('accepts messages while it is open, once each, and none after its end', async () => {
      const finance = shared.caller(binding);
      const { id, contextId } = await finance.send('Work');
      const more = message('Use the new form', { taskId: id });
      const configuration = { returnImmediately: true };
      const answers = await Promise.all(
        [more, more, more].map((one) =>
          finance.task('SendMessage', { message: one, configuration }),
        ),
      );
      expect(answers.map((task) => [task.id, task.contextId])).toEqual(
        answers.map(() => [id, contextId]),
      );
      const { history } = await finance.task('GetTask', { id });
      expect(history?.map(({ parts }) => parts[0]?.text)).toEqual(['Work', 'Use the new form']);

      const { worker, session } = await shared.claim(id);
      await finish(worker, session);
      const again = await finance.task('SendMessage', { message: more, configuration });
      expect(again.id).toBe(id);
      const late = await finance.call('SendMessage', { message: message('Late', { taskId: id }) });
      expect(late.error).toMatchObject({ reason: 'UNSUPPORTED_OPERATION' });
    });

    it('accepts messages of 1 MiB together, also at the same time', async () => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const answers = await Promise.all(
        Array.from({ length: 5 }, () =>
          finance.call('SendMessage', { message: largeMessage(5, id), ...NOW }),
        ),
      );

      const refused = answers.flatMap(({ error }) => error ?? []);
      expect(refused.map(({ reason }) => reason)).toEqual(['INVALID_PARAMS', 'INVALID_PARAMS']);
      expect(refused[0]?.message).toContain('1 MiB together');
      const { history } = await finance.task('GetTask', { id });
      expect(history).toHaveLength(4);
      await finance.call('CancelTask', { id });
    });

    it('is hidden from others, and from the agents of other roles', async () => {
      const { id } = await shared.caller(binding).send('Work');
      const others = [
        shared.caller(binding, 'hr'),
        new A2aAgent(shared.one.url, 'legal', binding, 'finance'),
        new A2aAgent(shared.one.url, 'legal', binding, 'admin'),
      ];
      for (const other of others) {
        for (const operation of ['GetTask', 'CancelTask', 'SubscribeToTask']) {
          const { error } = await other.call(operation, { id });
          expect([operation, error?.reason]).toEqual([operation, 'TASK_NOT_FOUND']);
        }
        const { error } = await other.call('SendMessage', {
          message: message('x', { taskId: id }),
        });
        expect(error?.reason).toBe('TASK_NOT_FOUND');
      }
    });

    it('is canceled once', async () => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const answers = await Promise.all([1, 2, 3].map(() => finance.call('CancelTask', { id })));

      const errors = answers.flatMap(({ error }) => error?.reason ?? []);
      expect(errors).toEqual(['TASK_NOT_CANCELABLE', 'TASK_NOT_CANCELABLE']);
      expect((await finance.task('GetTask', { id })).status.state).toBe('TASK_STATE_CANCELED');
    });

    it('is either canceled or completed', async () => {
      const finance = shared.caller(binding);
      const { id } = await finance.send('Work');
      const { worker, session } = await shared.claim(id);
      const [canceled, completed] = await Promise.all([
        finance.call('CancelTask', { id }),
        finish(worker, session),
      ]);

      const { state } = (await finance.task('GetTask', { id })).status;
      if (canceled.error) {
        expect(canceled.error.reason).toBe('TASK_NOT_CANCELABLE');
        expect([state, completed.status]).toEqual(['TASK_STATE_COMPLETED', 200]);
      } else {
        expect([state, completed.status]).toEqual(['TASK_STATE_CANCELED', 409]);
      }
    });

    it('is canceled by its requester role only', async () => {
      const { id } = await shared.caller(binding).send('Work');

      const { error, status } = await shared.caller(binding, 'manager').call('CancelTask', { id });
      expect(error).toMatchObject({ reason: 'AUTH_FORBIDDEN', domain: 'agent-mesh-controller' });
      expect(status).toBe(403);
      const denied = await shared.one.query(
        `SELECT 1 FROM audit_events WHERE event_type = 'access_denied' AND metadata->>'path' = $1`,
        [`/tasks/${id}/cancel`],
      );
      expect(denied).toHaveLength(1);
    });

    it('blocks until it has ended', async () => {
      const finance = shared.caller(binding);
      const parameters = { message: message('Work') };
      const { id } = await finance.task('SendMessage', { ...parameters, ...NOW });
      const waiting = finance.task('SendMessage', parameters);
      const { worker, session } = await shared.claim(id);
      await finish(worker, session, { status: 'completed', result: { done: true } });

      const task = await waiting;
      expect(task.status.state).toBe('TASK_STATE_COMPLETED');
      expect(task.artifacts).toHaveLength(1);
    });

    it('blocks for A2A_BLOCKING_SECONDS at most, without a database connection', async () => {
      const finance = shared.caller(binding).as(binding, shared.other.url);
      const waits = Array.from({ length: 12 }, () =>
        finance.task('SendMessage', { message: message('Slow work') }),
      );
      const tasks = await Promise.all(waits);
      expect(tasks.map(({ status }) => status.state)).toEqual(
        tasks.map(() => 'TASK_STATE_SUBMITTED'),
      );
      for (const { id } of tasks) await finance.call('CancelTask', { id });
    });
  });

  describe.each(BINDINGS)('ListTasks over %s', (binding) => {
    it('returns the tasks of the caller with the latest change first, page by page', async () => {
      const role = newSubject('requester');
      const requester = new A2aAgent(shared.one.url, 'lister', binding, role);
      const other = new A2aAgent(shared.one.url, 'lister', binding, newSubject('requester'));
      const sent: A2aTask[] = [];
      for (const n of [1, 2, 3, 4]) sent.push(await requester.send(`Work ${n}`));
      await other.send('Of another');
      await shared.claim(sent[1]?.id ?? '', 'lister');
      const order = [1, 3, 2, 0].map((index) => sent[index]?.id);

      const pages: string[][] = [];
      let pageToken = '';
      do {
        const { result } = await requester.call('ListTasks', {
          pageSize: 3,
          ...(pageToken && { pageToken }),
        });
        const tasks = result.tasks as A2aTask[];
        expect(result).toMatchObject({ pageSize: 3, totalSize: 4 });
        expect(tasks.every((task) => !('artifacts' in task))).toBe(true);
        pages.push(tasks.map(({ id }) => id));
        pageToken = String(result.nextPageToken);
      } while (pageToken !== '');

      expect(pages).toEqual([order.slice(0, 3), order.slice(3)]);
      const own = await new A2aAgent(shared.one.url, 'lister', binding, 'lister').call(
        'ListTasks',
        {},
      );
      const listed = (own.result.tasks as A2aTask[]).map(({ id }) => id);
      expect(listed).toEqual(expect.arrayContaining(order));
      const times = (own.result.tasks as A2aTask[]).map(({ status }) => status.timestamp);
      expect(times).toEqual([...times].sort().reverse());
    });

    it('filters by state, context and time, and returns what was asked for', async () => {
      const requester = new A2aAgent(shared.one.url, 'lister', binding, newSubject('requester'));
      const pending = await requester.send('Pending');
      const done = await requester.send('Done');
      const { worker, session } = await shared.claim(done.id, 'lister');
      await finish(worker, session, { status: 'completed', result: { ok: true } });
      const list = async (query: Record<string, unknown>): Promise<A2aTask[]> =>
        (await requester.call('ListTasks', query)).result.tasks as A2aTask[];
      const ids = async (query: Record<string, unknown>): Promise<string[]> =>
        (await list(query)).map(({ id }) => id);

      expect(await ids({ status: 'TASK_STATE_COMPLETED' })).toEqual([done.id]);
      expect(await ids({ status: 'TASK_STATE_SUBMITTED' })).toEqual([pending.id]);
      expect(await ids({ status: 'TASK_STATE_INPUT_REQUIRED' })).toEqual([]);
      expect(await ids({ contextId: pending.contextId })).toEqual([pending.id]);
      expect(await ids({ contextId: 'unknown' })).toEqual([]);
      expect(await ids({ statusTimestampAfter: '2999-01-01T00:00:00Z' })).toEqual([]);
      const [withArtifacts] = await list({ includeArtifacts: true, historyLength: 0 });
      expect(withArtifacts?.artifacts).toHaveLength(1);
      expect(withArtifacts?.history ?? []).toEqual([]);
    });

    it('accepts every time of RFC 3339', async () => {
      const requester = new A2aAgent(shared.one.url, 'lister', binding, newSubject('requester'));
      const { id } = await requester.send('Work');

      for (const statusTimestampAfter of ['2026-01-01T00:00:00+23:59', '2016-12-31T23:59:60Z']) {
        const { result } = await requester.call('ListTasks', { statusTimestampAfter });
        expect((result.tasks as A2aTask[]).map((task) => task.id)).toEqual([id]);
      }
    });

    it('ends a page before the messages of its tasks are too large', async () => {
      const requester = new A2aAgent(shared.one.url, 'lister', binding, newSubject('requester'));
      const sent: string[] = [];
      for (const n of [1, 2, 3, 4, 5, 6]) {
        const { id } = await requester.send(`Work ${n}`);
        await requester.task('SendMessage', { message: largeMessage(16, id), ...NOW });
        sent.unshift(id);
      }

      const pages: A2aTask[][] = [];
      let pageToken = '';
      do {
        const { result } = await requester.call('ListTasks', pageToken ? { pageToken } : {});
        pages.push(result.tasks as A2aTask[]);
        pageToken = String(result.nextPageToken);
      } while (pageToken !== '');

      expect(pages.length).toBeGreaterThan(1);
      expect(pages.flat().map(({ id }) => id)).toEqual(sent);
      expect(pages.flat().map(({ history }) => history?.length)).toEqual(sent.map(() => 2));
    });

    it('lists what an approver takes part in as AUTH_REQUIRED', async () => {
      const requester = new A2aAgent(shared.one.url, 'lister', binding, newSubject('requester'));
      const { id } = await requester.send('Approved work');
      const { worker } = await shared.claim(id, 'lister');
      const role = newSubject('approver');
      await requestApproval(worker, id, role);

      const approver = new A2aAgent(shared.one.url, 'lister', binding, role);
      for (const query of [{}, { status: 'TASK_STATE_AUTH_REQUIRED' }]) {
        const { result } = await approver.call('ListTasks', query);
        expect((result.tasks as A2aTask[]).map((task) => [task.id, task.status.state])).toEqual([
          [id, 'TASK_STATE_AUTH_REQUIRED'],
        ]);
      }
    });
  });

  describe('A task of the REST API', () => {
    it('is a task of the agent', async () => {
      const team = new Team(shared.one);
      const { body } = await team.requester.post<{ task_id: string }>('/tasks/route', {
        target: 'manager',
        task: { task_type: 'review', data: { a: 1 } },
        context: { a2a: { parts: [{ raw: 5 }, 7], messageId: {}, metadata: 3, extensions: [1] } },
      });
      const agent = new A2aAgent(shared.one.url, 'manager', 'rest', team.requesterRole);

      const task = await agent.task('GetTask', { id: body.task_id });
      expect(task.history).toEqual([
        expect.objectContaining({ messageId: task.id, parts: [{ data: { a: 1 } }] }),
      ]);
    });
  });
});
