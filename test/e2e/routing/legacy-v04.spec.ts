import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { McpAgents } from '../../support/mcp.js';
import { useSharedApp, useApp } from '../../support/kit.js';

interface Refused {
  errors: { pointer: string; message: string }[];
}

interface Routed {
  task_id: string;
  warnings?: { code: string; message: string; pointer: string }[];
}

const CARELESS = { type: 'budget_approval', descripton: 'Q3', amount: 50_000 };
const MOVED = 'The member is not known and was moved to task.data';

describe('POST /tasks/route with LEGACY_V04=true', () => {
  const mesh = useSharedApp();
  let finance: Client;

  beforeAll(async () => {
    finance = mesh.agent('finance');
    await new Client(mesh.url, tokenFor('manager')).get('/me');
  });

  it('warns of each member that is moved to data', async () => {
    const { status, body } = await finance.post<Routed>('/tasks/route', {
      target: 'manager',
      task: CARELESS,
    });

    expect(status).toBe(202);
    expect(body.warnings).toEqual([
      {
        code: 'task.unknown_member',
        message: `${MOVED}; did you mean "description"?`,
        pointer: '/task/descripton',
      },
      { code: 'task.unknown_member', message: `${MOVED}.`, pointer: '/task/amount' },
    ]);
    expect((await finance.get(`/tasks/${body.task_id}`)).body).toMatchObject({
      description: '',
      data: { descripton: 'Q3', amount: 50_000 },
    });
  });

  it('replays the response with its warnings', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const route = () => finance.post('/tasks/route', { target: 'manager', task: CARELESS }, key);

    const first = await route();
    expect(first.text).toContain('"warnings"');
    expect(await route()).toMatchObject({ status: 200, text: first.text });
  });

  it('has no warnings when no member is moved', async () => {
    for (const task of [{ type: 'a' }, { task_type: 'a', data: { amount: 1 } }]) {
      const { body } = await finance.post('/tasks/route', { target: 'manager', task });
      expect(Object.keys(body)).toEqual(['task_id', 'status', 'trace_id']);
    }
  });
});

describe('LEGACY_V04=false', () => {
  const mesh = useApp({ env: { LEGACY_V04: 'false' } });
  let finance: Client;

  beforeAll(async () => {
    finance = mesh.agent('finance');
    await new Client(mesh.url, tokenFor('manager')).get('/me');
  });

  const refused = async (method: string, path: string, body: unknown) => {
    const answer = await finance.call<Refused>(method, path, { body });
    expect(answer.status).toBe(400);
    return answer.body.errors;
  };

  it('POST /tasks/route: 400 with an unknown member of the task, and suggests the known one', async () => {
    const task = { ...CARELESS, type: undefined, task_type: 'budget_approval', toString: 1 };
    expect(
      await refused('POST', '/tasks/route', {
        target: 'manager',
        task: { ...task, toString: undefined },
      }),
    ).toEqual([
      {
        pointer: '/task/descripton',
        message: 'There is no such member; did you mean "description"?',
      },
      { pointer: '/task/amount', message: 'There is no such member' },
    ]);
    expect(await refused('POST', '/tasks/route', { target: 'manager', task })).toEqual([
      { pointer: '/task/toString', message: 'There is no such member' },
    ]);
  });

  it.each([
    ['POST', '/tasks/route', { target: 'a', task: { type: 'b' } }, '/task/type'],
    ['POST', '/sessions', { agent_role: 'finance' }, '/agent_role'],
    ['POST', '/sessions', { role: 'finance', session_id: randomUUID() }, '/session_id'],
    ['PUT', `/sessions/${randomUUID()}`, { state: 'completed' }, '/state'],
    ['PUT', `/sessions/${randomUUID()}/events`, { event: 'ACTIVATE' }, '/event'],
    ['POST', '/approvals', { task_id: randomUUID(), approver_role: 'a', notes: 'b' }, '/notes'],
    ['POST', `/approvals/${randomUUID()}/decision`, { decision: 'approved', notes: 'b' }, '/notes'],
  ])('%s %s: 400 with the deprecated body %j', async (method, path, body, pointer) => {
    expect((await refused(method, path, body)).map((problem) => problem.pointer)).toContain(
      pointer,
    );
  });

  it('POST /tasks/route accepts the current body and null', async () => {
    const task = { task_type: 'a', description: null, data: { descripton: 1, x: null } };
    const { status, body } = await finance.post('/tasks/route', { target: 'manager', task });

    expect(status).toBe(202);
    expect(Object.keys(body)).toEqual(['task_id', 'status', 'trace_id']);
  });

  it('the tool send_task accepts the current arguments', async () => {
    const agents = new McpAgents('http', mesh.url);
    const agent = await agents.agent(tokenFor('finance'));
    const routed = await agent.call('send_task', { target: 'manager', task_type: 'a' });
    await agent.close();
    await agents.close();

    expect(routed.isError).toBe(false);
  });
});
