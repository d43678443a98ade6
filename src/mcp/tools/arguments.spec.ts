import { describe, expect, it } from '@jest/globals';
import { withArguments } from './arguments.js';
import { callTool, LISTED } from './call-tool.js';
import { type MeshClient, type MeshRequest, MeshError, type MeshProblem } from './mesh-client.js';

const ID = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

/** What a tool asks a controller for first; one that refuses, if told so. */
async function asked(name: string, args: Record<string, unknown>, problem?: MeshProblem) {
  const requests: MeshRequest[] = [];
  const mesh: MeshClient = {
    call: (_operation, request = {}) => {
      requests.push(request);
      if (problem) throw new MeshError(problem);
      return Promise.resolve({ status: 200, body: { status: 'approved' }, replayed: false });
    },
  };
  const { result } = await callTool(mesh, name, args);
  const [content] = result.content;
  return { request: requests[0], text: content?.type === 'text' ? content.text : '' };
}

describe('the arguments of a tool', () => {
  it('are described with keywords that every client of function calling accepts', () => {
    const allowed =
      /^(type|description|properties|required|enum|items|pattern)$|^(min|max)(imum|Length|Items)$/;
    const check = (schema: Record<string, unknown>): void => {
      expect(Object.keys(schema).filter((key) => !allowed.test(key))).toEqual([]);
      expect(typeof schema.type).toBe('string');
      if (schema.items) check(schema.items as Record<string, unknown>);
      for (const member of Object.values(schema.properties ?? {})) {
        check(member as Record<string, unknown>);
      }
    };
    for (const { inputSchema } of LISTED) check(inputSchema);
  });

  // The report of a failure is never refused for what else it holds.
  const strict = LISTED.map(({ name }) => name).filter((name) => name !== 'fail_task');

  it.each(strict)('%s names one that it does not take', async (name) => {
    const { request, text } = await asked(name, { toString: 1, 'made\nup': 'x' });
    expect(request).toBeUndefined();
    expect(text).toContain('"toString"');
    expect(text).toContain(String.raw`"made\nup"`);
  });

  it('may be misspelt, and the one that is meant is named', async () => {
    for (const [name, args, meant] of [
      ['send_task', { target: 'x', task_type: 'y', descripton: 'z' }, 'description'],
      ['send_task', { target: 'x', taskType: 'y' }, 'task_type'],
      ['heartbeat', { sessionId: ID }, 'session_id'],
      ['claim_task', { wait_second: 3 }, 'wait_seconds'],
    ] as const) {
      expect((await asked(name, args)).text).toContain(`Did you mean ${meant}?`);
    }
  });

  it('are left out as null and as ""', async () => {
    const { request } = await asked('send_task', {
      ...{ target: 'x', task_type: 'y', description: '', data: null, priority: '', trace_id: '' },
      ...{ approver_role: null, quorum: '', idempotency_key: '' },
    });
    expect(request?.body).toEqual({ target: 'x', task: { task_type: 'y' } });
    expect((await asked('fail_task', { session_id: ID, error: '' })).text).toContain(
      "required property 'error'",
    );
  });

  it('are read as what they stand for where a model wrote text', async () => {
    const { request } = await asked('send_task', {
      ...{ target: 'x', task_type: '7', max_attempts: '3', data: '{"amount":"5"}' },
    });
    expect(request?.body).toEqual({
      ...{ target: 'x', max_attempts: 3, task: { task_type: '7', data: { amount: '5' } } },
    });
    for (const max_attempts of ['3.5', 'three', '1e99', true]) {
      const refused = await asked('send_task', { target: 'x', task_type: 'y', max_attempts });
      expect(refused.text).toContain('arguments/max_attempts must be integer');
    }
  });

  it('have their own names in what a controller refuses', async () => {
    for (const [name, args, pointer, message, said] of [
      [
        'send_task',
        {},
        '/requires_approval/role',
        'role must be text',
        '/approver_role: approver_role must be text',
      ],
      ['send_task', {}, '/requires_approval/quorum', 'quorum is bad', '/quorum: quorum is bad'],
      ['send_task', {}, '/task/data/a', 'a is bad', '/data/a: a is bad'],
      [
        'notify',
        { message: 'x' },
        '/task/description',
        'description is long',
        '/message: message is long',
      ],
      ['list_approvals', {}, '?status', 'status is bad', '/status: status is bad'],
    ] as const) {
      const problem = {
        ...{ code: 'request.invalid', status: 400, detail: message },
        errors: [{ pointer, message }],
      };
      const needed = name === 'send_task' ? { target: 'x', task_type: 'y' } : { target: 'x' };
      const { text } = await asked(
        name,
        name === 'list_approvals' ? {} : { ...needed, ...args },
        problem,
      );
      expect(text).toContain(`- ${said}`);
    }
  });

  it('may be null as a whole', () => {
    const call = (args: unknown) => ({
      method: 'tools/call',
      params: { name: 'x', arguments: args },
    });
    expect(withArguments(call(null))).toEqual(call({}));
    expect(withArguments(call({ a: null }))).toEqual(call({ a: null }));
    expect(withArguments({ method: 'other', params: { arguments: null } })).toEqual({
      ...{ method: 'other', params: { arguments: null } },
    });
  });
});

describe('the arguments of v0.4', () => {
  it.each([{ id: ID }, { task_id: ID }, { session_id: ID }])(
    'name what fetch_status is about: %j',
    async (args) => {
      expect((await asked('fetch_status', args)).request).toMatchObject({ id: ID });
    },
  );

  it('name one thing', async () => {
    const { text } = await asked('fetch_status', { task_id: ID, session_id: ID });
    expect(text).toContain('Pass only one of');
    expect((await asked('fetch_status', {})).text).toContain("required property 'id'");
  });

  it('have a task as an object, which the controller reads', async () => {
    for (const task of [
      { task_type: 'a', description: 'b', data: { c: 1 } },
      { type: 'budget_approval', amount: 50_000 },
    ]) {
      const { request } = await asked('send_task', { target: 'x', task, context: {} });
      expect(request?.body).toEqual({ target: 'x', task, context: {} });
    }
    const twice = await asked('send_task', { target: 'x', task: { type: 'a' }, task_type: 'a' });
    expect(twice.text).toContain('Pass only one of');
    expect((await asked('send_task', { target: 'x', task: {} })).text).toContain("'task_type'");
    expect((await asked('send_task', { target: 'x', task: 'do it' })).text).toContain(
      'arguments/task must be object',
    );
  });

  it('decide through request_approval', async () => {
    const args = {
      ...{ task_id: `task-${ID}`, approver_role: 'manager', reason: 'x', comments: '' },
    };
    const decided = await asked('request_approval', { ...args, decision: 'approved' });
    expect(decided.request?.body).toMatchObject({ decision: 'approved' });
    expect(decided.text).toBe('The approval is approved.');
    const pending = await asked('request_approval', { ...args, decision: 'pending' });
    expect(pending.text).toContain('waits for manager');
  });
});
