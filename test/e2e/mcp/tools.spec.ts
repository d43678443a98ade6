import { describe, expect, it } from '@jest/globals';
import { recordOf } from '../../../src/mcp/tools/json-of.js';
import { newSubject, tokenFor } from '../../support/app.js';
import { TRANSPORTS } from '../../support/mcp.js';
import { codeOf, type SentTask, useToolAgents } from '../../support/mcp-tools.js';

const UNKNOWN = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

const WRITING = [
  'send_task',
  'notify',
  'cancel_task',
  'claim_task',
  'heartbeat',
  'complete_task',
  'fail_task',
  'release_task',
  'request_approval',
  'decide_approval',
  'consume_approval',
];

describe.each(TRANSPORTS)('MCP tools over %s', (transport) => {
  const tools = useToolAgents(transport);

  it('describe their purpose, arguments and results', async () => {
    const { tools: listed } = await tools.requester.client.listTools();

    for (const { name, description, inputSchema, outputSchema, annotations } of listed) {
      expect(description?.length).toBeGreaterThan(80);
      expect(annotations?.readOnlyHint).toBe(!WRITING.includes(name));
      const members = [inputSchema, outputSchema ?? {}].flatMap(({ properties }) =>
        Object.values(recordOf(properties)),
      );
      expect(members).toEqual(
        members.map(() => expect.objectContaining({ description: expect.any(String) })),
      );
      const nested = Object.values(recordOf(inputSchema.properties)).filter(
        (member) => 'properties' in recordOf(member),
      );
      expect(nested).toEqual([]);
      expect('idempotency_key' in recordOf(inputSchema.properties)).toBe(WRITING.includes(name));
    }
  });

  it('return an error that names the invalid argument', async () => {
    const unread = await tools.requester.call('send_task', { target: 1, nmae: 'x' });
    expect(unread).toMatchObject({ isError: true, code: 'request.invalid' });
    expect(unread.text).toContain("arguments must have required property 'task_type'");
    expect(unread.text).toContain('arguments/target must be string');

    const read = await tools.requester.call('send_task', { target: 'admin', task_type: 'x' });
    expect(read).toMatchObject({ isError: true, code: 'request.invalid' });
    expect(read.text).toContain('- /target: The roles admin, auditor, system are reserved');
  });

  it('accept null for optional arguments', async () => {
    const { task_id } = await tools.send({ data: null, priority: null, idempotency_key: null });
    expect(task_id).toMatch(/^task-/);
  });

  it('accept the arguments of v0.4', async () => {
    const { task_id } = await tools.requester.does<SentTask>('send_task', {
      target: tools.manager,
      task: { type: 'budget_approval', amount: 50_000 },
      context: {},
    });
    const { body } = await tools.requesterHttp.get(`/tasks/${task_id}`);
    expect(body).toMatchObject({ task_type: 'budget_approval', data: { amount: 50_000 } });
    expect(await tools.requester.does('fetch_status', { task_id })).toMatchObject({ task_id });

    const asked = { task_id, approver_role: tools.manager, reason: 'Over the limit', comments: '' };
    expect(
      await tools.requester.does('request_approval', { ...asked, decision: 'pending' }),
    ).toMatchObject({
      status: 'pending',
    });
    const decided = { task_id, decision: 'approved', comments: 'Within the plan' };
    expect(await tools.worker.does('request_approval', decided)).toMatchObject({
      status: 'approved',
    });
  });

  it('exist as listed', async () => {
    await expect(tools.requester.client.callTool({ name: 'no_such_tool' })).rejects.toThrow(
      'The tool does not exist',
    );
  });

  it('whoami returns subject, roles and whether a role must be named', async () => {
    expect(await tools.requester.does('whoami')).toEqual({
      subject: expect.stringContaining(tools.finance) as unknown,
      roles: [tools.finance],
      acting_role: tools.finance,
      must_name_role: false,
      kind: 'agent',
    });
  });

  it('return not found for other roles’ resources, and record denied calls', async () => {
    const { task_id } = await tools.send();
    const { session_id } = await tools.claim();
    const stranger = await tools.agent(tokenFor(newSubject('legal'), newSubject('legal')));
    for (const [tool, args] of [
      ['fetch_status', { id: task_id }],
      ['task_timeline', { task_id }],
      ['cancel_task', { task_id }],
      ['claim_task', { task_id }],
      ['complete_task', { session_id }],
      ['request_approval', { task_id, approver_role: tools.manager }],
      ['decide_approval', { approval_id: UNKNOWN, decision: 'approved' }],
    ] as const) {
      expect([tool, (await stranger.call(tool, args)).text]).toEqual([
        tool,
        expect.stringContaining('HTTP 404'),
      ]);
    }
    await stranger.close();

    expect(await codeOf(tools.worker.call('cancel_task', { task_id }))).toBe('auth.forbidden');
    const denied = await tools.mesh.query(
      `SELECT metadata FROM audit_events WHERE event_type = 'access_denied' AND role = $1`,
      [tools.manager],
    );
    expect(denied).toEqual([
      {
        metadata: expect.objectContaining({
          method: 'POST',
          path: `/tasks/${task_id}/cancel`,
          code: 'auth.forbidden',
        }) as unknown,
      },
    ]);
  });

  it('act for the role that an agent of several roles names', async () => {
    const both = await tools.agent(tokenFor([tools.manager, tools.finance], newSubject('both')));
    const known = await both.does('whoami');
    expect(known).toMatchObject({
      roles: expect.arrayContaining([tools.manager, tools.finance]) as unknown,
    });
    expect(await both.does('claim_task', { role: tools.finance, wait_seconds: 0 })).toMatchObject({
      claimed: false,
    });
    expect(await codeOf(both.call('list_inbox', { role: 'legal' }))).toBe('auth.role_not_held');
    await both.close();
  });

  it('come with a resource for tasks and a prompt for the inbox', async () => {
    const { task_id } = await tools.send();
    const { resourceTemplates } = await tools.requester.client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(['mesh://tasks/{id}']);
    const { contents } = await tools.requester.client.readResource({
      uri: `mesh://tasks/${task_id}`,
    });
    const [content] = contents;
    const text = content && 'text' in content ? content.text : '';
    expect(JSON.parse(text)).toMatchObject({ id: task_id.slice('task-'.length), attempts: [{}] });
    await expect(
      tools.requester.client.readResource({ uri: `mesh://tasks/${UNKNOWN}` }),
    ).rejects.toThrow(/not found/i);

    const { messages } = await tools.requester.client.getPrompt({ name: 'work_through_inbox' });
    expect(JSON.stringify(messages)).toContain('claim_task');
  });

  it('accept v0.4 status: a session is pending, active, completed', async () => {
    const made = await tools.workerHttp.post<{ session_id: string }>('/sessions', {
      agent_role: tools.manager,
    });
    const id = made.body.session_id;
    const status = async () =>
      (await tools.worker.does<{ status: string }>('fetch_status', { id })).status;

    expect(await status()).toBe('pending');
    await tools.workerHttp.put(`/sessions/${id}/events`, { event: 'activate' });
    expect(await status()).toBe('active');
    await tools.workerHttp.put(`/sessions/${id}/events`, { event: 'complete' });
    expect(await status()).toBe('completed');
  });

  it('fetch_status accepts the id of a task, bare or prefixed', async () => {
    const { task_id } = await tools.send({ data: { amount: 50_000 } });

    expect(task_id).toMatch(/^task-[0-9a-f-]{36}$/);
    expect(await tools.statusOf(task_id)).toBe('pending');
    expect(await tools.statusOf(task_id.slice('task-'.length))).toBe('pending');
  });

  it('request_approval accepts a task id', async () => {
    const { task_id } = await tools.send();
    const approval = await tools.requester.does('request_approval', {
      task_id,
      approver_role: tools.manager,
      reason: 'Over the limit',
    });

    expect(approval).toMatchObject({
      approval_id: expect.stringMatching(/^approval-/) as unknown,
      status: 'pending',
      task_id,
    });
  });

  it.each(['low', 'normal', 'high'])('notify accepts the priority %s', async (priority) => {
    const { task_id } = await tools.requester.does<SentTask>('notify', {
      target: tools.manager,
      message: 'The contract is signed',
      priority,
    });
    const { body } = await tools.requesterHttp.get(`/tasks/${task_id}`);

    expect(body).toMatchObject({
      task_type: 'notification',
      description: 'The contract is signed',
      data: { priority },
      priority,
    });
  });

  it('notify refuses the priority urgent', async () => {
    const refused = await tools.requester.call('notify', {
      target: tools.manager,
      message: 'x',
      priority: 'urgent',
    });
    expect(refused).toMatchObject({ isError: true, code: 'request.invalid' });
    expect(refused.text).toContain('arguments/priority');
  });

  it('fetch_status returns not found for an unknown id', async () => {
    for (const id of [UNKNOWN, `task-${UNKNOWN}`, `session-${UNKNOWN}`]) {
      const refused = await tools.requester.call('fetch_status', { id });
      expect(refused).toMatchObject({ isError: true, code: 'session.not_found' });
      expect(refused.text).toMatch(/^session not found/);
    }
  });
});
