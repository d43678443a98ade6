import { Role } from '@a2a-js/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  A2aAgent,
  type A2aAnswer,
  type A2aTask,
  BINDINGS,
  message,
  sdkClient,
  useA2aMesh,
} from '../../support/a2a.js';
import { useSharedApp } from '../../support/kit.js';
import { finish } from '../../support/work.js';

const UNKNOWN = randomUUID();
const now = { configuration: { returnImmediately: true } };

interface Scene {
  agent: A2aAgent;
  /** A task that is pending. */
  open: A2aTask;
  /** A task that is completed. */
  completed: A2aTask;
  canceled: A2aTask;
}

/** An error of section 5.4: its code in JSON-RPC, its HTTP status in HTTP+JSON, its reason. */
type Expected = readonly [code: number, status: number, reason: string];

const INVALID_PARAMS: Expected = [-32602, 400, 'INVALID_PARAMS'];
const TASK_NOT_FOUND: Expected = [-32001, 404, 'TASK_NOT_FOUND'];
const NOT_CANCELABLE: Expected = [-32002, 409, 'TASK_NOT_CANCELABLE'];
const UNSUPPORTED: Expected = [-32004, 400, 'UNSUPPORTED_OPERATION'];
const CONTENT_TYPE: Expected = [-32005, 415, 'CONTENT_TYPE_NOT_SUPPORTED'];
const VERSION: Expected = [-32009, 400, 'VERSION_NOT_SUPPORTED'];

type Call = readonly [
  operation: string,
  parameters: Record<string, unknown>,
  headers?: Record<string, string>,
];

/** Requests that must fail, by the section of the requirement. */
const ERRORS: readonly (readonly [
  section: string,
  what: string,
  call: (scene: Scene) => Call,
  Expected,
])[] = [
  [
    '3.1.1',
    'a message to a completed task',
    ({ completed }) => ['SendMessage', { message: message('x', { taskId: completed.id }) }],
    UNSUPPORTED,
  ],
  [
    '3.1.1',
    'a message to a canceled task',
    ({ canceled }) => ['SendMessage', { message: message('x', { taskId: canceled.id }) }],
    UNSUPPORTED,
  ],
  [
    '3.1.1',
    'a part of an unsupported media type',
    () => [
      'SendMessage',
      {
        message: message('', { parts: [{ raw: 'dGNr', mediaType: 'application/x-unsupported' }] }),
      },
    ],
    CONTENT_TYPE,
  ],
  [
    '3.1.1',
    'a file by URL',
    () => [
      'SendMessage',
      { message: message('', { parts: [{ url: 'https://example.com/a.pdf' }] }) },
    ],
    CONTENT_TYPE,
  ],
  [
    '3.1.2',
    'a stream of a message to a completed task',
    ({ completed }) => [
      'SendStreamingMessage',
      { message: message('x', { taskId: completed.id }) },
    ],
    UNSUPPORTED,
  ],
  ['3.1.3', 'GetTask of an unknown task', () => ['GetTask', { id: UNKNOWN }], TASK_NOT_FOUND],
  [
    '3.1.3',
    'GetTask of an id that is no UUID',
    () => ['GetTask', { id: 'tck-nonexistent' }],
    TASK_NOT_FOUND,
  ],
  [
    '3.1.5',
    'CancelTask of a completed task',
    ({ completed }) => ['CancelTask', { id: completed.id }],
    NOT_CANCELABLE,
  ],
  [
    '3.1.5',
    'CancelTask of a canceled task',
    ({ canceled }) => ['CancelTask', { id: canceled.id }],
    NOT_CANCELABLE,
  ],
  ['3.1.5', 'CancelTask of an unknown task', () => ['CancelTask', { id: UNKNOWN }], TASK_NOT_FOUND],
  [
    '3.1.6',
    'SubscribeToTask of a completed task',
    ({ completed }) => ['SubscribeToTask', { id: completed.id }],
    UNSUPPORTED,
  ],
  [
    '3.1.6',
    'SubscribeToTask of an unknown task',
    () => ['SubscribeToTask', { id: UNKNOWN }],
    TASK_NOT_FOUND,
  ],
  [
    '3.4.1',
    'a contextId that cannot be accepted',
    () => ['SendMessage', { message: message('x', { contextId: 'mine' }) }],
    INVALID_PARAMS,
  ],
  [
    '3.4.2',
    'a message to an unknown task',
    () => ['SendMessage', { message: message('x', { taskId: UNKNOWN }) }],
    TASK_NOT_FOUND,
  ],
  [
    '3.4.3',
    'a contextId that is not the one of the task',
    ({ open }) => [
      'SendMessage',
      { message: message('x', { taskId: open.id, contextId: randomUUID() }) },
    ],
    INVALID_PARAMS,
  ],
  [
    '3.6.2',
    'an unsupported version',
    () => ['GetTask', { id: UNKNOWN }, { 'a2a-version': '99.0' }],
    VERSION,
  ],
  [
    '3.6.2',
    'no version, which means 0.3',
    () => ['GetTask', { id: UNKNOWN }, { 'a2a-version': '' }],
    VERSION,
  ],
  [
    '3.3.2',
    'a message without an id',
    () => ['SendMessage', { message: { role: 'ROLE_USER', parts: [{ text: 'x' }] } }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'an id that is no text',
    () => ['SendMessage', { message: message('x', { messageId: {} }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'an id that is too long',
    () => ['SendMessage', { message: message('x', { messageId: 'x'.repeat(256) }) }],
    INVALID_PARAMS,
  ],
  ['3.3.2', 'no message', () => ['SendMessage', {}], INVALID_PARAMS],
  ['3.3.2', 'a message that is no object', () => ['SendMessage', { message: 'x' }], INVALID_PARAMS],
  [
    '3.3.2',
    'a message without parts',
    () => ['SendMessage', { message: message('x', { parts: [] }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'parts that are no list',
    () => ['SendMessage', { message: message('x', { parts: { text: 'x' } }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a part without content',
    () => ['SendMessage', { message: message('x', { parts: [{}] }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a part with two contents',
    () => ['SendMessage', { message: message('x', { parts: [{ text: 'x', data: {} }] }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a part whose text is a number',
    () => ['SendMessage', { message: message('x', { parts: [{ text: 5 }] }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a part of raw bytes that are no base64',
    () => ['SendMessage', { message: message('x', { parts: [{ raw: 5 }] }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a message of the agent',
    () => ['SendMessage', { message: message('x', { role: 'ROLE_AGENT' }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'an unknown role',
    () => ['SendMessage', { message: message('x', { role: 'user' }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'too much text',
    () => ['SendMessage', { message: message('x'.repeat(10_001)) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a task type that is no name',
    () => ['SendMessage', { message: message('x', { metadata: { 'mesh.taskType': 5 } }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a reference that is no task',
    () => ['SendMessage', { message: message('x', { referenceTaskIds: ['x'] }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a reference to an unknown task',
    () => ['SendMessage', { message: message('x', { referenceTaskIds: [UNKNOWN] }) }],
    TASK_NOT_FOUND,
  ],
  [
    '3.3.2',
    'a history length below 0',
    ({ open }) => ['GetTask', { id: open.id, historyLength: -1 }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a history length that is no number',
    ({ open }) => ['GetTask', { id: open.id, historyLength: 'x' }],
    INVALID_PARAMS,
  ],
  ['3.3.2', 'a page size of 0', () => ['ListTasks', { pageSize: 0 }], INVALID_PARAMS],
  ['3.3.2', 'a page size of 101', () => ['ListTasks', { pageSize: 101 }], INVALID_PARAMS],
  ['3.3.2', 'a page token of no page', () => ['ListTasks', { pageToken: 'x' }], INVALID_PARAMS],
  ['3.3.2', 'an unknown state', () => ['ListTasks', { status: 'done' }], INVALID_PARAMS],
  [
    '3.3.2',
    'a time that is none',
    () => ['ListTasks', { statusTimestampAfter: 'yesterday' }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a day that no month has',
    () => ['ListTasks', { statusTimestampAfter: '2026-02-30T12:00:00Z' }],
    INVALID_PARAMS,
  ],
  // ProtoJSON also has the names of the Protocol Buffers (proto3, JSON mapping).
  ['5.5', 'a page_size of 101', () => ['ListTasks', { page_size: 101 }], INVALID_PARAMS],
  [
    '5.5',
    'a status_timestamp_after that is no time',
    () => ['ListTasks', { status_timestamp_after: 'yesterday' }],
    INVALID_PARAMS,
  ],
  [
    '5.5',
    'a history_length below 0',
    ({ open }) => ['GetTask', { id: open.id, history_length: -1 }],
    INVALID_PARAMS,
  ],
  [
    '5.5',
    'a message_id that is too long',
    () => [
      'SendMessage',
      { message: { ...message('x'), messageId: undefined, message_id: 'x'.repeat(256) } },
    ],
    INVALID_PARAMS,
  ],
  [
    '5.5',
    'a task_id that is no text',
    () => ['SendMessage', { message: message('x', { task_id: {} }) }],
    INVALID_PARAMS,
  ],
  [
    '3.3.2',
    'a tenant, of which there is none',
    ({ open }) => ['SendMessage', { message: message('x', { taskId: open.id }), tenant: 'x' }],
    INVALID_PARAMS,
  ],
  [
    '3.1.7',
    'a push configuration of an unknown task',
    () => ['CreateTaskPushNotificationConfig', { taskId: UNKNOWN, url: 'https://example.com' }],
    TASK_NOT_FOUND,
  ],
  [
    '3.1.7',
    'a push configuration without a URL',
    ({ open }) => ['CreateTaskPushNotificationConfig', { taskId: open.id }],
    INVALID_PARAMS,
  ],
  [
    '13.2',
    'a push configuration for an internal address',
    ({ open }) => [
      'CreateTaskPushNotificationConfig',
      { taskId: open.id, url: 'https://192.168.0.1/' },
    ],
    INVALID_PARAMS,
  ],
  [
    '3.1.8',
    'GetTaskPushNotificationConfig of an unknown configuration',
    ({ open }) => ['GetTaskPushNotificationConfig', { taskId: open.id, id: 'unknown' }],
    TASK_NOT_FOUND,
  ],
  [
    '3.1.8',
    'GetTaskPushNotificationConfig of an unknown task',
    () => ['GetTaskPushNotificationConfig', { taskId: UNKNOWN, id: 'unknown' }],
    TASK_NOT_FOUND,
  ],
  [
    '3.1.9',
    'ListTaskPushNotificationConfigs of an unknown task',
    () => ['ListTaskPushNotificationConfigs', { taskId: UNKNOWN }],
    TASK_NOT_FOUND,
  ],
  [
    '3.1.10',
    'DeleteTaskPushNotificationConfig of an unknown task',
    () => ['DeleteTaskPushNotificationConfig', { taskId: UNKNOWN, id: 'unknown' }],
    TASK_NOT_FOUND,
  ],
];

describe('The mandatory requirements of A2A 1.0.1', () => {
  const shared = useA2aMesh();

  async function complete(id: string): Promise<void> {
    const worker = shared.one.agent('manager');
    const { body } = await worker.post<{ session: { id: string } }>(`/tasks/${id}/claim`, {});
    await finish(worker, body.session.id, { status: 'completed', result: { ok: true } });
  }

  describe.each(BINDINGS)('A2A 1.0.1 over %s', (binding) => {
    let scene: Scene;

    beforeAll(async () => {
      const agent = new A2aAgent(shared.one.url, 'manager', binding, 'finance');
      const [open, completed, canceled] = await Promise.all(
        ['open', 'completed', 'canceled'].map((text) => agent.send(text)),
      );
      if (!open || !completed || !canceled) throw new Error('no tasks');
      await complete(completed.id);
      await agent.call('CancelTask', { id: canceled.id });
      scene = { agent, open, completed, canceled };
    });

    afterAll(async () => {
      await scene.agent.call('CancelTask', { id: scene.open.id });
    });

    it.each(ERRORS)('%s: refuses %s', async (_section, _what, call, [code, status, reason]) => {
      const [operation, parameters, headers] = call(scene);
      const answer = await scene.agent.call(operation, parameters, headers ? { headers } : {});

      expectError(answer, [code, status, reason]);
      expect(answer.error?.message).not.toBe('');
    });

    /** Sections 9.5 and 11.6: the form of errors, with google.rpc.ErrorInfo. */
    function expectError(answer: A2aAnswer, [code, status, reason]: Expected): void {
      expect(answer.error).toMatchObject({ reason, domain: 'a2a-protocol.org' });
      if (binding === 'jsonrpc') {
        expect(answer.body).toMatchObject({ jsonrpc: '2.0', id: 1, error: { code } });
        return;
      }
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({
        error: {
          code: status,
          status: expect.stringMatching(/^[A-Z_]+$/),
          details: expect.any(Array),
        },
      });
    }

    it('3.1.1, 3.4.2: SendMessage returns a task with an id of its own', async () => {
      const [one, two] = await Promise.all([scene.agent.send('x'), scene.agent.send('x')]);

      expect(one.id).not.toBe('');
      expect(one.id).not.toBe(two.id);
    });

    it('3.1.3: GetTask returns the state and the artifacts', async () => {
      const task = await scene.agent.task('GetTask', { id: scene.completed.id });

      expect(task).toMatchObject({
        id: scene.completed.id,
        contextId: scene.completed.contextId,
        status: { state: 'TASK_STATE_COMPLETED', timestamp: expect.stringMatching(/Z$/) },
        artifacts: [
          expect.objectContaining({ parts: [expect.objectContaining({ data: { ok: true } })] }),
        ],
      });
    });

    it('3.2.2: waits for a terminal state, and not with returnImmediately', async () => {
      const parameters = { message: message('blocking') };
      const quick = await scene.agent.task('SendMessage', { ...parameters, ...now });
      expect(quick.status.state).toBe('TASK_STATE_SUBMITTED');

      const waiting = scene.agent.task('SendMessage', parameters);
      await complete(quick.id);
      expect((await waiting).status.state).toBe('TASK_STATE_COMPLETED');
    });

    it('3.2.4: returns at most historyLength messages', async () => {
      const { id } = scene.open;
      await scene.agent.send('second', { taskId: id });

      for (const [historyLength, count] of [
        [0, 0],
        [1, 1],
        [5, 2],
      ]) {
        const task = await scene.agent.task('GetTask', { id, historyLength });
        expect([historyLength, task.history?.length ?? 0]).toEqual([historyLength, count]);
      }
    });

    it('3.4.1: keeps the context of the client, or generates one', async () => {
      const contextId = randomUUID();
      const own = await scene.agent.send('x', { contextId });
      expect(own.contextId).toBe(contextId);
      const other = await scene.agent.send('x');
      expect(other.contextId).toMatch(/^[0-9a-f-]{36}$/);
    });

    it('3.4.3: infers the context of a task', async () => {
      const { id, contextId } = await scene.agent.send('more', { taskId: scene.open.id });

      expect([id, contextId]).toEqual([scene.open.id, scene.open.contextId]);
    });

    it('3.1.4: ListTasks has nextPageToken on the last page, and no artifacts', async () => {
      const { result } = await scene.agent.call('ListTasks', { pageSize: 100 });

      expect(result.nextPageToken).toBe('');
      const tasks = result.tasks as A2aTask[];
      expect(tasks.length).toBeGreaterThan(2);
      expect(tasks.filter((task) => 'artifacts' in task)).toEqual([]);
      const times = tasks.map(({ status }) => status.timestamp);
      expect(times).toEqual([...times].sort().reverse());
    });

    it('3.6.2: ignores the patch version', async () => {
      const { error } = await scene.agent.call(
        'GetTask',
        { id: scene.open.id },
        { headers: { 'a2a-version': '1.0.1' } },
      );
      expect(error).toBeUndefined();
    });

    it('3.3.2: refuses a request without a token, and one with an invalid token', async () => {
      for (const authorization of ['', 'Bearer x']) {
        const answer = await scene.agent.call(
          'GetTask',
          { id: scene.open.id },
          { headers: { authorization } },
        );
        expect(answer.status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toContain('Bearer');
        expect(answer.error?.reason).toMatch(/^AUTH_TOKEN_/);
      }
    });

    it('3.1.7 to 3.1.10: creates, returns, lists and deletes a push configuration', async () => {
      const { agent, open } = scene;
      const key = { taskId: open.id, id: 'config-1' };
      const config = { ...key, url: 'https://example.com/hook' };
      const created = await agent.call('CreateTaskPushNotificationConfig', config);
      expect(created.result).toMatchObject(config);
      const got = await agent.call('GetTaskPushNotificationConfig', key);
      expect(got.result).toMatchObject(config);
      const listed = await agent.call('ListTaskPushNotificationConfigs', { taskId: open.id });
      expect(listed.result.configs).toEqual([expect.objectContaining(config)]);
      for (let time = 1; time <= 2; time += 1) {
        const deleted = await agent.call('DeleteTaskPushNotificationConfig', key);
        expect(deleted.error).toBeUndefined();
      }
      const gone = await agent.call('GetTaskPushNotificationConfig', key);
      expectError(gone, TASK_NOT_FOUND);
    });

    it('3.1.11: returns the extended card', async () => {
      const { result } = await scene.agent.call('GetExtendedAgentCard', {});

      expect(result).toMatchObject({ name: 'manager', skills: [expect.any(Object)] });
    });

    it('works with the client of the SDK', async () => {
      const client = await sdkClient(shared.one.url, 'manager', scene.agent.token, binding);
      const sent = await client.sendMessage({
        tenant: '',
        metadata: undefined,
        message: {
          messageId: randomUUID(),
          contextId: '',
          taskId: '',
          role: Role.ROLE_USER,
          parts: [
            {
              content: { $case: 'text', value: 'from the SDK' },
              metadata: undefined,
              filename: '',
              mediaType: '',
            },
          ],
          metadata: undefined,
          extensions: [],
          referenceTaskIds: [],
        },
        configuration: {
          acceptedOutputModes: [],
          taskPushNotificationConfig: undefined,
          returnImmediately: true,
        },
      });
      const id = 'id' in sent ? sent.id : '';
      const task = await client.getTask({ tenant: '', id });
      expect(task.history[0]?.parts[0]?.content).toEqual({ $case: 'text', value: 'from the SDK' });
      const canceled = await client.cancelTask({ tenant: '', id, metadata: undefined });
      expect(canceled.status?.state).toBe(5);
      await expect(
        client.cancelTask({ tenant: '', id, metadata: undefined }),
      ).rejects.toMatchObject({
        name: 'TaskNotCancelableError',
      });
    });
  });

  describe('JSON-RPC 2.0', () => {
    const post = async (body: string, headers: Record<string, string> = {}) => {
      const { status, body: answer } = await shared.one
        .agent('finance')
        .post<{ id: unknown; error: { code: number } }>('/a2a/manager', body, {
          'a2a-version': '1.0',
          ...headers,
        });
      return { status, id: answer.id, code: answer.error.code };
    };

    it.each([
      ['text that is no JSON', '{', -32700, null],
      ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"GetTask"}]', -32600, null],
      ['another version', '{"jsonrpc":"1.0","id":1,"method":"GetTask"}', -32600, 1],
      ['no method', '{"jsonrpc":"2.0","id":1}', -32600, 1],
      ['an id that is no id', '{"jsonrpc":"2.0","id":{},"method":"GetTask"}', -32600, null],
      ['an unknown method', '{"jsonrpc":"2.0","id":"a","method":"DoTask"}', -32601, 'a'],
      [
        'a method of 0.3',
        '{"jsonrpc":"2.0","id":"a","method":"message/send","params":{}}',
        -32601,
        'a',
      ],
      ['no parameters', '{"jsonrpc":"2.0","id":0,"method":"GetTask"}', -32602, 0],
      [
        'a list of parameters',
        '{"jsonrpc":"2.0","id":0,"method":"GetTask","params":[]}',
        -32602,
        0,
      ],
    ])('9.5: refuses %s', async (_what, body, code, id) => {
      expect(await post(body)).toMatchObject({ code, id });
    });

    it('9.1: refuses other media types', async () => {
      expect(await post('{}', { 'content-type': 'text/plain' })).toMatchObject({ code: -32005 });
    });

    it('refuses other methods of HTTP', async () => {
      const { status, headers } = await shared.one.agent('finance').get('/a2a/manager');
      expect([status, headers.get('allow')]).toEqual([405, 'POST']);
    });
  });

  describe('HTTP+JSON', () => {
    it.each([
      ['GET', '/nothing', 404],
      ['POST', '/tasks', 404],
      ['DELETE', '/message:send', 404],
      ['POST', '/tenant/message:send', 404],
    ])('11.3: has no route %s %s', async (method, path, status) => {
      const answer = await shared.one
        .agent('finance')
        .call<{ error: { code: number } }>(method, `/a2a/manager/v1${path}`, {
          headers: { 'a2a-version': '1.0' },
          ...(method === 'POST' && { body: {} }),
        });
      expect([answer.status, answer.body.error.code]).toEqual([status, status]);
    });

    it('11.1: accepts application/json and application/a2a+json, and no other type', async () => {
      const send = (type: string) =>
        shared.one.agent('finance').post(
          '/a2a/manager/v1/message:send',
          { message: message('x'), ...now },
          {
            'a2a-version': '1.0',
            'content-type': type,
          },
        );
      const statuses = await Promise.all(
        ['application/json', 'application/a2a+json', 'text/plain'].map(
          async (type) => (await send(type)).status,
        ),
      );
      expect(statuses).toEqual([200, 200, 415]);
    });

    it('11.6: refuses text that is no JSON', async () => {
      const { status, body } = await shared.one
        .agent('finance')
        .post<{ error: { status: string } }>('/a2a/manager/v1/message:send', '{', {
          'a2a-version': '1.0',
        });
      expect([status, body.error.status]).toEqual([400, 'INVALID_ARGUMENT']);
    });
  });

  describe('Without A2A_ROLES', () => {
    const off = useSharedApp();

    it('there is no agent', async () => {
      for (const path of [
        '/a2a/manager',
        '/a2a/manager/v1/tasks',
        '/.well-known/agent-card.json',
      ]) {
        expect((await off.agent('finance').get(path)).status).toBe(404);
      }
      expect((await off.agent('finance').post('/a2a/manager', {})).status).toBe(404);
    });
  });
});
