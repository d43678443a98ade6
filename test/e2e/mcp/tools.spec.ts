import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { recordOf } from '../../../src/mcp/tools/tool.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { type McpAgent, McpAgents, type ToolReply, TRANSPORTS } from '../../support/mcp.js';

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

let mesh: TestApp;

describe('MCP', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  interface Sent {
    task_id: string;
    trace_id: string;
    idempotency_key: string;
    replayed: boolean;
  }

  interface Claimed {
    claimed: boolean;
    session_id: string;
    lease_expires_at: string;
    status: string;
    task: Record<string, unknown>;
    replayed: boolean;
  }

  describe.each(TRANSPORTS)('Over %s', (transport) => {
    // Roles that nobody else has, so that inboxes are this test's own.
    let finance: string;
    let manager: string;
    let asker: McpAgent;
    let worker: McpAgent;
    let askerHttp: Client;
    let workerHttp: Client;

    let agents: McpAgents;
    const agent = (token: string) => agents.agent(token);

    const send = (more: Record<string, unknown> = {}) =>
      asker.does<Sent>('send_task', { target: manager, task_type: 'budget_approval', ...more });

    const claim = (more: Record<string, unknown> = {}) =>
      worker.does<Claimed>('claim_task', { wait_seconds: 0, ...more });

    const statusOf = async (id: string) =>
      (await asker.does<{ status: string }>('fetch_status', { id })).status;

    const codeOf = async (reply: Promise<ToolReply>) => (await reply).code;

    beforeAll(() => {
      agents = new McpAgents(transport, mesh.url);
    });

    afterAll(() => agents.close());

    beforeEach(async () => {
      finance = newSubject('finance');
      manager = newSubject('manager');
      const tokens = [tokenFor(finance, finance), tokenFor(manager, manager)] as const;
      askerHttp = new Client(mesh.url, tokens[0]);
      workerHttp = new Client(mesh.url, tokens[1]);
      [asker, worker] = await Promise.all([agent(tokens[0]), agent(tokens[1])]);
    });

    afterEach(() => Promise.all([asker.close(), worker.close()]));

    describe('the tools', () => {
      it('tell a model what they are for, what they take and what they answer', async () => {
        const { tools } = await asker.client.listTools();

        for (const { name, description, inputSchema, outputSchema, annotations } of tools) {
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
          expect('idempotency_key' in recordOf(inputSchema.properties)).toBe(
            WRITING.includes(name),
          );
        }
      });

      it('say what is wrong with arguments, whether they are read here or by the controller', async () => {
        const unread = await asker.call('send_task', { target: 1, nmae: 'x' });
        expect(unread).toMatchObject({ isError: true, code: 'request.invalid' });
        expect(unread.text).toContain("arguments must have required property 'task_type'");
        expect(unread.text).toContain('arguments/target must be string');

        const read = await asker.call('send_task', { target: 'admin', task_type: 'x' });
        expect(read).toMatchObject({ isError: true, code: 'request.invalid' });
        expect(read.text).toContain('- /target: The roles admin, auditor, system are reserved');
      });

      it('take null for what is left out', async () => {
        const { task_id } = await send({ data: null, priority: null, idempotency_key: null });
        expect(task_id).toMatch(/^task-/);
      });

      it('take the arguments of v0.4', async () => {
        const { task_id } = await asker.does<Sent>('send_task', {
          target: manager,
          task: { type: 'budget_approval', amount: 50_000 },
          context: {},
        });
        const { body } = await askerHttp.get(`/tasks/${task_id}`);
        expect(body).toMatchObject({ task_type: 'budget_approval', data: { amount: 50_000 } });
        expect(await asker.does('fetch_status', { task_id })).toMatchObject({ task_id });

        const asked = { task_id, approver_role: manager, reason: 'Over the limit', comments: '' };
        expect(
          await asker.does('request_approval', { ...asked, decision: 'pending' }),
        ).toMatchObject({
          status: 'pending',
        });
        const decided = { task_id, decision: 'approved', comments: 'Within the plan' };
        expect(await worker.does('request_approval', decided)).toMatchObject({
          status: 'approved',
        });
      });

      it('are those that are listed', async () => {
        await expect(asker.client.callTool({ name: 'no_such_tool' })).rejects.toThrow(
          'The tool does not exist',
        );
      });
    });

    describe('whoami', () => {
      it('tells subject and roles, and whether a role has to be named', async () => {
        expect(await asker.does('whoami')).toEqual({
          subject: expect.stringContaining(finance) as unknown,
          roles: [finance],
          acting_role: finance,
          must_name_role: false,
          kind: 'agent',
        });
      });
    });

    describe('what existing clients were accepted by', () => {
      it('a session is pending, active, completed', async () => {
        const made = await workerHttp.post<{ session_id: string }>('/sessions', {
          agent_role: manager,
        });
        const id = made.body.session_id;
        const status = async () =>
          (await worker.does<{ status: string }>('fetch_status', { id })).status;

        expect(await status()).toBe('pending');
        await workerHttp.put(`/sessions/${id}/events`, { event: 'activate' });
        expect(await status()).toBe('active');
        await workerHttp.put(`/sessions/${id}/events`, { event: 'complete' });
        expect(await status()).toBe('completed');
      });

      it('a task has a status by the id returned, bare or prefixed', async () => {
        const { task_id } = await send({ data: { amount: 50_000 } });

        expect(task_id).toMatch(/^task-[0-9a-f-]{36}$/);
        expect(await statusOf(task_id)).toBe('pending');
        expect(await statusOf(task_id.slice('task-'.length))).toBe('pending');
      });

      it('an approval for it can be asked for', async () => {
        const { task_id } = await send();
        const approval = await asker.does('request_approval', {
          task_id,
          approver_role: manager,
          reason: 'Over the limit',
        });

        expect(approval).toMatchObject({
          approval_id: expect.stringMatching(/^approval-/) as unknown,
          status: 'pending',
          task_id,
        });
      });

      it.each(['low', 'normal', 'high'])('a notification may be %s', async (priority) => {
        const { task_id } = await asker.does<Sent>('notify', {
          target: manager,
          message: 'The contract is signed',
          priority,
        });
        const { body } = await askerHttp.get(`/tasks/${task_id}`);

        expect(body).toMatchObject({
          task_type: 'notification',
          description: 'The contract is signed',
          data: { priority },
          priority,
        });
      });

      it('a notification may not be urgent', async () => {
        const refused = await asker.call('notify', {
          target: manager,
          message: 'x',
          priority: 'urgent',
        });
        expect(refused).toMatchObject({ isError: true, code: 'request.invalid' });
        expect(refused.text).toContain('arguments/priority');
      });

      it('an unknown id is not found', async () => {
        for (const id of [UNKNOWN, `task-${UNKNOWN}`, `session-${UNKNOWN}`]) {
          const refused = await asker.call('fetch_status', { id });
          expect(refused).toMatchObject({ isError: true, code: 'session.not_found' });
          expect(refused.text).toMatch(/^session not found/);
        }
      });
    });

    it('a budget is asked for, worked on, approved and told of', async () => {
      const sent = await send({
        description: 'Approve the Q3 marketing budget',
        data: { amount: 50_000 },
      });
      const { tasks } = await worker.does<{ tasks: unknown[] }>('list_inbox');
      expect(tasks).toEqual([expect.objectContaining({ task_id: sent.task_id })]);

      const more = await send({ description: 'Something else' });
      const first = await worker.call('list_inbox', { page_size: 1 });
      expect(first.text).toMatch(/^Due for .*: more than 1\.\n/);
      expect((await worker.call('list_inbox', {})).text).toMatch(/^Due for .*: 2\.\n/);
      await asker.does('cancel_task', { task_id: more.task_id });

      const { session_id, task } = await claim();
      expect(task).toMatchObject({
        task_id: sent.task_id,
        description: 'Approve the Q3 marketing budget',
        data: { amount: 50_000 },
      });
      await worker.does('heartbeat', { session_id, lease_seconds: 600 });

      const payload = { amount: 50_000, supplier: 'ACME' };
      const ask = {
        task_id: sent.task_id,
        approver_role: manager,
        reason: 'Over the limit',
        payload,
      };
      const { approval_id } = await asker.does<{ approval_id: string }>('request_approval', ask);
      expect(await codeOf(asker.call('request_approval', ask))).toBe('approval.pending_exists');
      expect(await asker.does('fetch_status', { id: sent.task_id })).toMatchObject({
        status: 'active',
        claimed_by: expect.stringContaining(manager) as unknown,
        waits_for: [{ what: 'worker' }, { what: 'approval', who: manager }],
        last_events: expect.arrayContaining([
          expect.objectContaining({ event: 'approval_requested' }),
        ]) as unknown,
      });

      for (const [who, filter] of [
        [worker, { waiting_for: 'me' }],
        [worker, { status: 'pending', approver_role: manager }],
        [asker, { asked_by: 'me' }],
      ] as const) {
        const { approvals } = await who.does<{ approvals: unknown[] }>('list_approvals', filter);
        expect(approvals).toEqual([
          expect.objectContaining({ approval_id, reason: 'Over the limit', payload, votes: 0 }),
        ]);
      }
      const own = { approval_id, decision: 'approved' };
      expect((await asker.call('decide_approval', own)).text).toContain('HTTP 403');
      const verdict = { approval_id, decision: 'approved', comments: 'Within the plan' };
      const boss = await agent(tokenFor(manager, newSubject('boss')));
      expect(await boss.does('decide_approval', verdict)).toMatchObject({
        approval_id,
        status: 'approved',
        task_id: sent.task_id,
      });
      expect(await codeOf(boss.call('decide_approval', verdict))).toBe('approval.decided');
      await boss.close();

      const other = { approval_id, payload: { ...payload, amount: 50_001 } };
      expect(await codeOf(worker.call('consume_approval', other))).toBe('approval.digest_mismatch');
      const use = { approval_id, payload: { supplier: 'ACME', amount: 50_000 } };
      const used = await worker.does('consume_approval', use);
      expect(used).toMatchObject({ approval_id, status: 'approved', replayed: false });
      const spent = await worker.call('consume_approval', use);
      expect(spent.code).toBe('approval.consumed');
      expect(spent.text).toContain('Next: Do not act');
      const again = { ...use, idempotency_key: used.idempotency_key };
      expect(await worker.does('consume_approval', again)).toEqual({ ...used, replayed: true });

      const result = { approved_amount: 50_000 };
      await worker.does('complete_task', { session_id, result });
      expect(await asker.does('fetch_status', { id: sent.task_id })).toMatchObject({
        status: 'completed',
        task_status: 'completed',
        result,
        waits_for: [],
      });
      const { events } = await asker.does<{ events: { event: string }[] }>('task_timeline', {
        task_id: sent.task_id,
      });
      expect(events.map(({ event }) => event)).toEqual([
        'task_routed',
        'task_claimed',
        'approval_requested',
        'approval_decided',
        'approval_consumed',
        'session_transitioned',
      ]);
    });

    describe('approvals', () => {
      it('may need several subjects of several roles', async () => {
        const { task_id } = await send();
        const legal = newSubject('legal');
        const lawyers = await Promise.all(
          [1, 2].map((n) => agent(tokenFor(legal, `${legal}-${n}`))),
        );
        const [first, second] = lawyers as [McpAgent, McpAgent];
        const { approval_id } = await asker.does('request_approval', {
          task_id,
          stages: [legal, manager],
          quorum: 2,
          expires_in_seconds: 3_600,
        });
        const yes = { approval_id, decision: 'approved' };

        expect(await first.does('decide_approval', yes)).toMatchObject({
          status: 'pending',
          votes: 1,
          quorum: 2,
        });
        expect(await codeOf(first.call('decide_approval', yes))).toBe('approval.voted');
        expect(await second.does('decide_approval', yes)).toMatchObject({ status: 'approved' });
        const { approvals } = await worker.does<{ approvals: unknown[] }>('list_approvals', {
          waiting_for: 'me',
        });
        expect(approvals).toEqual([
          expect.objectContaining({ stage: 2, stages: [legal, manager] }),
        ]);
        const use = { approval_id, payload: {} };
        expect((await asker.call('consume_approval', use)).isError).toBe(true);
        await Promise.all(lawyers.map((lawyer) => lawyer.close()));
      });

      it('may be required before a task is completed', async () => {
        const legal = newSubject('legal');
        const lawyer = await agent(tokenFor(legal, legal));
        await send({ approver_role: legal, quorum: 1 });
        const { session_id, task } = await claim();
        expect(task.requires_approval).toMatchObject({ role: legal, quorum: 1 });
        const refused = await worker.call('complete_task', { session_id });
        expect(refused.code).toBe('task.approval_required');
        expect(refused.text).toContain('Next: Wait for the approval');

        const listed = await lawyer.does<{ approvals: { approval_id: string }[] }>(
          'list_approvals',
          {
            waiting_for: 'me',
          },
        );
        const approval_id = listed.approvals[0]?.approval_id;
        await lawyer.does('decide_approval', { approval_id, decision: 'approved' });
        expect(await worker.does('complete_task', { session_id })).toMatchObject({
          status: 'completed',
        });
        await lawyer.close();
      });

      it('that the worker asked for are waited for, or withdrawn and listed', async () => {
        const { task_id } = await send();
        const { session_id } = await claim();
        const legal = newSubject('legal');
        const { approval_id } = await worker.does<{ approval_id: string }>('request_approval', {
          task_id,
          approver_role: legal,
        });
        const refused = await worker.call('complete_task', { session_id });
        expect(refused.code).toBe('approval.pending');
        expect(refused.text).toContain(approval_id);
        expect(refused.text).toContain('withdraw_pending');
        const done = await worker.call('complete_task', { session_id, withdraw_pending: true });
        expect(done.text).toContain(`Withdrawn: ${approval_id} (${legal}).`);
      });

      it('say what is missing, and what does not go together', async () => {
        const { task_id } = await send();
        for (const [who, tool, args, code, said] of [
          [
            asker,
            'send_task',
            { target: manager, task_type: 'x', quorum: 2 },
            'request.invalid',
            '- /approver_role',
          ],
          [asker, 'request_approval', { task_id }, 'request.invalid', '/approver_role'],
          [
            asker,
            'consume_approval',
            { approval_id: UNKNOWN },
            'request.invalid',
            'either payload or digest',
          ],
          [
            asker,
            'consume_approval',
            { approval_id: UNKNOWN, payload: {}, digest: '0'.repeat(64) },
            'request.invalid',
            'either payload or digest',
          ],
          [
            asker,
            'consume_approval',
            { approval_id: UNKNOWN, digest: '0'.repeat(64) },
            'approval.not_found',
            'HTTP 404',
          ],
          [
            worker,
            'decide_approval',
            { approval_id: UNKNOWN, decision: 'maybe' },
            'request.invalid',
            'arguments/decision',
          ],
        ] as const) {
          const refused = await who.call(tool, args);
          expect([tool, refused.code]).toEqual([tool, code]);
          expect(refused.text).toContain(said);
        }
      });
    });

    describe('a tool that writes', () => {
      it('tells the key that it made, and with it happens once', async () => {
        const first = await send();
        const again = await send({ idempotency_key: first.idempotency_key });

        expect(first.replayed).toBe(false);
        expect(again).toEqual({ ...first, replayed: true });
      });

      it('means the same request as the route, with the same key', async () => {
        const key = randomUUID();
        const { task_id } = await send({ idempotency_key: key });
        const over = await askerHttp.post(
          '/tasks/route',
          { target: manager, task: { task_type: 'budget_approval' } },
          { 'idempotency-key': key },
        );

        expect(over).toMatchObject({ status: 200, body: { task_id } });
        expect(over.headers.get('idempotent-replayed')).toBe('true');
      });

      it('does not take a key for another request', async () => {
        const { idempotency_key } = await send();
        const refused = await asker.call('send_task', {
          target: manager,
          task_type: 'another',
          idempotency_key,
        });
        expect(refused).toMatchObject({ code: 'idempotency.payload_mismatch' });
        expect(refused.text).toContain(`idempotency_key: ${idempotency_key}`);
      });

      it('happens once when many agents say the same at once', async () => {
        const idempotency_key = randomUUID();
        const all = await Promise.all(Array.from({ length: 8 }, () => send({ idempotency_key })));

        expect(new Set(all.map(({ task_id }) => task_id)).size).toBe(1);
        expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
      });

      it('keeps to the workflow that it is told', async () => {
        const trace_id = randomUUID();
        expect(await send({ trace_id })).toMatchObject({ trace_id });
      });
    });

    describe('claim_task', () => {
      it('waits for a task', async () => {
        const [claimed] = await Promise.all([
          claim({ wait_seconds: 25 }),
          new Promise((resolve) => setTimeout(resolve, 300)).then(() => send()),
        ]);
        expect(claimed).toMatchObject({ claimed: true, status: 'active' });
      });

      it('says so when nothing came', async () => {
        expect(await claim({ wait_seconds: 1 })).toMatchObject({ claimed: false, task: null });
      });

      it('gives each task to one of many', async () => {
        const workers = await Promise.all(
          Array.from({ length: 4 }, () => agent(tokenFor(manager, newSubject('worker')))),
        );
        const waiting = workers.map((one) => one.does<Claimed>('claim_task', { wait_seconds: 4 }));
        const sent = await Promise.all([send(), send()]);
        const claims = await Promise.all(waiting);
        await Promise.all(workers.map((one) => one.close()));

        const won = claims.filter(({ claimed }) => claimed).map(({ task }) => task.task_id);
        expect(won.sort()).toEqual(sent.map(({ task_id }) => task_id).sort());
      });

      it('takes one task by its id, of some types only, and delivers a notification', async () => {
        const { task_id } = await send({ task_type: 'rare' });
        expect(await claim({ task_types: ['other'] })).toMatchObject({ claimed: false });
        expect(await claim({ task_id })).toMatchObject({ claimed: true, task: { task_id } });
        expect(await codeOf(worker.call('claim_task', { task_id }))).toBe('task.claimed');

        await asker.does('notify', { target: manager, message: 'Signed' });
        expect(await claim()).toMatchObject({ claimed: true, status: 'completed' });
      });

      it('is answered at once when it is sent again with its key', async () => {
        await send();
        const idempotency_key = randomUUID();
        const first = await claim({ idempotency_key });
        const again = await claim({ idempotency_key, wait_seconds: 25 });

        expect(again).toEqual({ ...first, replayed: true });
      });
    });

    describe('work', () => {
      it('that failed for now is tried again, and for good is not', async () => {
        const { task_id } = await send();
        const { session_id } = await claim();
        const failed = await worker.does('fail_task', {
          session_id,
          error: 'The ledger is closed',
          retryable: true,
        });
        expect(failed).toMatchObject({ status: 'failed' });
        expect(await asker.does('fetch_status', { id: task_id })).toMatchObject({
          status: 'pending',
        });
        expect(await asker.does('fetch_status', { id: session_id })).toMatchObject({
          status: 'failed',
          error: 'The ledger is closed',
        });
      });

      it('is handed back', async () => {
        const { task_id } = await send();
        const { session_id } = await claim();
        await worker.does('release_task', { session_id, reason: 'No tool for it' });

        expect(await claim()).toMatchObject({ claimed: true, task: { task_id } });
        expect(await codeOf(worker.call('heartbeat', { session_id }))).toBe('session.ended');
      });

      it('that was called off is told of at the next heartbeat', async () => {
        const { task_id } = await send();
        const { session_id } = await claim();
        const cancelled = await asker.does('cancel_task', {
          task_id,
          reason: 'The budget was cut',
        });
        expect(cancelled).toMatchObject({ task_id, status: 'cancelled' });

        const refused = await worker.call('heartbeat', { session_id });
        expect(refused).toMatchObject({ code: 'task.cancelled' });
        expect(refused.text).toContain('Next: Stop working on it');
        expect(await codeOf(asker.call('cancel_task', { task_id }))).toBe('task.finished');
      });

      it('is cancelled with the tasks below it', async () => {
        const { task_id } = await send();
        const { task_id: below } = await asker.does('send_task', {
          ...{ target: manager, task_type: 'part', parent_task_id: task_id },
        });
        const cancelled = await asker.call('cancel_task', { task_id, cascade: true });
        expect(cancelled.text).toContain(String(below));
        expect(cancelled.content).toMatchObject({
          ...{ task_id, status: 'cancelled', cancelled_tasks: [task_id, below] },
        });
        const refused = asker.call('send_task', {
          ...{ target: manager, task_type: 'part', parent_task_id: task_id },
        });
        expect(await codeOf(refused)).toBe('task.cancelled');
      });

      it('is ended by its session, not by its task', async () => {
        const { task_id } = await send();
        await claim();
        const refused = await worker.call('complete_task', { session_id: task_id });
        expect(refused).toMatchObject({ code: 'session.id_required' });
        expect(refused.text).toContain('Pass the session_id that claim_task returned');
      });
    });

    it('what is somebody else’s is not found, and what is not one’s to do leaves a trace', async () => {
      const { task_id } = await send();
      const { session_id } = await claim();
      const stranger = await agent(tokenFor(newSubject('legal'), newSubject('legal')));
      for (const [tool, args] of [
        ['fetch_status', { id: task_id }],
        ['task_timeline', { task_id }],
        ['cancel_task', { task_id }],
        ['claim_task', { task_id }],
        ['complete_task', { session_id }],
        ['request_approval', { task_id, approver_role: manager }],
        ['decide_approval', { approval_id: UNKNOWN, decision: 'approved' }],
      ] as const) {
        expect([tool, (await stranger.call(tool, args)).text]).toEqual([
          tool,
          expect.stringContaining('HTTP 404'),
        ]);
      }
      await stranger.close();

      expect(await codeOf(worker.call('cancel_task', { task_id }))).toBe('auth.forbidden');
      const denied = await mesh.query(
        `SELECT metadata FROM audit_events WHERE event_type = 'access_denied' AND role = $1`,
        [manager],
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

    it('an agent of several roles names the one to act for', async () => {
      const both = await agent(tokenFor([manager, finance], newSubject('both')));
      const known = await both.does('whoami');
      expect(known).toMatchObject({ roles: expect.arrayContaining([manager, finance]) as unknown });
      expect(await both.does('claim_task', { role: finance, wait_seconds: 0 })).toMatchObject({
        claimed: false,
      });
      expect(await codeOf(both.call('list_inbox', { role: 'legal' }))).toBe('auth.role_not_held');
      await both.close();
    });

    it('a task can be read as a resource, and the inbox comes with a prompt', async () => {
      const { task_id } = await send();
      const { resourceTemplates } = await asker.client.listResourceTemplates();
      expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
        'mesh://tasks/{id}',
      ]);
      const { contents } = await asker.client.readResource({ uri: `mesh://tasks/${task_id}` });
      const [content] = contents;
      const text = content && 'text' in content ? content.text : '';
      expect(JSON.parse(text)).toMatchObject({ id: task_id.slice('task-'.length), attempts: [{}] });
      await expect(asker.client.readResource({ uri: `mesh://tasks/${UNKNOWN}` })).rejects.toThrow(
        /not found/i,
      );

      const { messages } = await asker.client.getPrompt({ name: 'work_through_inbox' });
      expect(JSON.stringify(messages)).toContain('claim_task');
    });
  });
});
