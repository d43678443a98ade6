import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';
import { type McpAgent, McpAgents } from '../../support/mcp.js';

interface Listed {
  tasks: { id: string; to_role: string; task_type: string }[];
}

const BAD_NAMES: [what: string, name: string][] = [
  ['empty', ''],
  ['of white space', ' '],
  ['of 51 characters', 'x'.repeat(51)],
  ['with a comma', 'a,b'],
  ['with a line break', 'a\n- task-1 b'],
  ['with a carriage return', 'a\rb'],
  ['with a tab', 'a\tb'],
  ['with an escape', 'a\u001b[2K'],
  ['with U+0085', 'a\u0085b'],
  ['with a line separator', 'a\u2028b'],
  ['with a paragraph separator', 'a\u2029b'],
  ['with a space before it', ' a'],
  ['with a no-break space after it', 'a\u00a0'],
  ['with a zero-width space', 'a\u200bb'],
  ['with a change of direction', 'a\u202eb'],
  ['with a Hangul filler', 'a\u3164b'],
  ['with a byte order mark', '\ufeffa'],
  ['of a combining mark', '\u0301'],
];

const ID = randomUUID();
const task = { task_type: 'review' };

/** Each place that takes a name, with the pointer to it. */
const PLACES: [pointer: string, method: string, path: string, with_: (name: string) => unknown][] =
  [
    ['/target', 'POST', '/tasks/route', (target) => ({ target, task })],
    ['/from_role', 'POST', '/tasks/route', (from_role) => ({ target: 'a', task, from_role })],
    [
      '/task/task_type',
      'POST',
      '/tasks/route',
      (task_type) => ({ target: 'a', task: { task_type } }),
    ],
    ['/task/task_type', 'POST', '/tasks/route', (type) => ({ target: 'a', task: { type } })],
    [
      '/requires_approval/role',
      'POST',
      '/tasks/route',
      (role) => ({ target: 'a', task, requires_approval: { role } }),
    ],
    ['/role', 'POST', '/tasks/claim', (role) => ({ role })],
    ['/task_types', 'POST', '/tasks/claim', (type) => ({ task_types: ['review', type] })],
    ['/role', 'POST', '/sessions', (role) => ({ role })],
    ['/role', 'POST', '/sessions', (agent_role) => ({ agent_role })],
    ['/approver_role', 'POST', '/approvals', (approver_role) => ({ task_id: ID, approver_role })],
    ['/stages', 'POST', '/approvals', (role) => ({ task_id: ID, stages: ['a', role] })],
    [
      '/from_role',
      'POST',
      '/approvals',
      (from_role) => ({ task_id: ID, approver_role: 'a', from_role }),
    ],
    ['/role', 'POST', `/approvals/${ID}/delegate`, (role) => ({ role, reason: 'x' })],
    ...['to_role', 'from_role', 'task_type'].map(
      (name) =>
        [`?${name}`, 'GET', `/tasks?${name}=`, () => undefined] satisfies (typeof PLACES)[0],
    ),
    ['?role', 'GET', '/tasks/wait?wait_seconds=0&role=', () => undefined],
    ['?task_types', 'GET', '/tasks/wait?wait_seconds=0&task_types=review,', () => undefined],
    ['?role', 'GET', '/sessions?role=', () => undefined],
    ['?approver_role', 'GET', '/approvals?approver_role=', () => undefined],
    ['?role', 'GET', '/audit/events?role=', () => undefined],
  ];

/** The same of the tools: the argument, and a call that has it. */
const ARGUMENTS: [tool: string, args: (name: string) => Record<string, unknown>][] = [
  ['send_task', (target) => ({ target, task_type: 'a' })],
  ['send_task', (task_type) => ({ target: 'a', task_type })],
  ['send_task', (from_role) => ({ target: 'a', task_type: 'a', from_role })],
  ['send_task', (approver_role) => ({ target: 'a', task_type: 'a', approver_role })],
  ['notify', (target) => ({ target, message: 'a' })],
  ['list_inbox', (task_type) => ({ task_type })],
  ['claim_task', (role) => ({ role, wait_seconds: 0 })],
  ['claim_task', (type) => ({ task_types: [type], wait_seconds: 0 })],
  ['request_approval', (approver_role) => ({ task_id: ID, approver_role })],
  ['request_approval', (role) => ({ task_id: ID, stages: [role] })],
  ['list_approvals', (approver_role) => ({ approver_role })],
];

describe('names of roles and task types', () => {
  let mesh: TestApp;
  let finance: Client;
  let agents: McpAgents;
  let agent: McpAgent;

  beforeAll(async () => {
    mesh = await startTestApp();
    finance = new Client(mesh.url, tokenFor('finance'));
    agents = new McpAgents('http', mesh.url);
    agent = await agents.agent(tokenFor('finance'));
  });

  afterAll(async () => {
    await agent.close();
    await agents.close();
    await mesh.close();
  });

  describe.each(PLACES)('%s of %s %s', (pointer, method, path, bodyWith) => {
    it.each(BAD_NAMES)('400 with a name %s', async (_, name) => {
      const isQuery = pointer.startsWith('?');
      const answer = await finance.call<{ errors: { pointer: string }[] }>(
        method,
        // A list in a query has two names in place of one with a comma.
        isQuery
          ? path + encodeURIComponent(pointer === '?task_types' ? name.replace(',', ' ,') : name)
          : path,
        isQuery ? {} : { body: bodyWith(name) },
      );

      expect(answer.status).toBe(400);
      expect(answer.body.errors.map((problem) => problem.pointer)).toEqual([pointer]);
    });
  });

  describe.each(ARGUMENTS)('tool %s', (tool, args) => {
    // An argument that is empty may be as good as none.
    it.each(BAD_NAMES.filter(([, name]) => name !== ''))(
      'error with a name %s',
      async (_, name) => {
        expect((await agent.call(tool, args(name))).code).toMatch(
          /^(request\.invalid|auth\.role_not_held)$/,
        );
      },
    );
  });

  it('are stored in NFC', async () => {
    const nfc = `größe-${randomUUID().slice(0, 8)}`;
    const nfd = nfc.normalize('NFD');
    const holders = [nfc, nfd].map((role) => mesh.agent(role));
    const types = ['prüfung', 'prüfung'.normalize('NFD')];

    for (const spelling of [nfc, nfd]) {
      for (const task_type of types) {
        const routed = await finance.post('/tasks/route', {
          target: spelling,
          task: { task_type },
        });
        expect(routed.status).toBe(202);
      }
    }
    for (const holder of holders) {
      expect((await holder.get('/me')).body).toMatchObject({ roles: [nfc], acting_role: nfc });
      for (const [role, type] of [
        [nfc, types[1]],
        [nfd, types[0]],
      ] as const) {
        const path = `/tasks?to_role=${encodeURIComponent(role)}&task_type=${encodeURIComponent(type ?? '')}`;
        const { tasks } = (await holder.get<Listed>(path)).body;
        expect(tasks).toHaveLength(4);
        expect(new Set(tasks.map(({ to_role, task_type }) => `${to_role} ${task_type}`))).toEqual(
          new Set([`${nfc} prüfung`]),
        );
      }
      const claimed = await holder.post('/tasks/claim', { role: nfd, task_types: [types[1]] });
      expect(claimed.status).toBe(200);
    }
    const sessions = await holders[0]?.get<{ sessions: unknown[] }>(
      `/sessions?role=${encodeURIComponent(nfd)}`,
    );
    expect(sessions?.body.sessions).toHaveLength(4);
  });

  describe('names that earlier versions stored', () => {
    const stored = async (role: string, task_type: string): Promise<string> => {
      const { body } = await finance.post<{ task_id: string }>('/tasks/route', {
        target: newSubject('role'),
        task,
      });
      const id = body.task_id.slice('task-'.length);
      await mesh.query('UPDATE tasks SET to_role = $2, task_type = $3 WHERE id = $1', [
        id,
        role,
        task_type,
      ]);
      await mesh.query('UPDATE sessions SET role = $2, task_type = $3 WHERE task_id = $1', [
        id,
        role,
        task_type,
      ]);
      return id;
    };

    it.each([
      ['a comma', 'R,D', 'a,b'],
      ['a variation selector', '❤\ufe0f', '❤\ufe0f'],
      ['another spelling', 'Gro\u0308ße', 'pru\u0308fung'],
      ['a type with a line break', 'plain', 'a\nb'],
      ['a type with white space around it', 'plain', ' a '],
    ])('are returned unchanged: %s', async (_, role, type) => {
      const name = role === 'plain' ? newSubject(role) : role;
      const id = await stored(name, type);
      const holder = mesh.agent(name);

      expect((await holder.get(`/tasks/${id}`)).body).toMatchObject({
        to_role: name,
        task_type: type,
      });
      expect((await finance.get(`/tasks/${id}`)).body).toMatchObject({ to_role: name });
      const { tasks } = (await holder.get<Listed>('/tasks?status=pending')).body;
      expect(tasks).toContainEqual(expect.objectContaining({ id }));
      const claimed: Answer<{ session: { id: string } }> = await holder.post(
        `/tasks/${id}/claim`,
        {},
      );
      expect(claimed.status).toBe(200);
      const done = await holder.put(`/sessions/${claimed.body.session.id}`, {
        status: 'completed',
      });
      expect(done.status).toBe(200);
    });

    it('POST /tasks/claim returns their tasks without naming them', async () => {
      await stored('Q,A', 'a\nb');
      const holder = mesh.agent('Q,A');

      expect((await holder.post('/tasks/claim', {})).status).toBe(200);
    });
  });
});
