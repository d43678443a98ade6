import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { type McpAgent, TRANSPORTS } from '../../support/mcp.js';
import { codeOf, useToolAgents } from '../../support/mcp-tools.js';

const UNKNOWN = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

describe.each(TRANSPORTS)('MCP tools for approvals over %s', (transport) => {
  const tools = useToolAgents(transport);

  it('request, approve and complete a budget task', async () => {
    const sent = await tools.send({
      description: 'Approve the Q3 marketing budget',
      data: { amount: 50_000 },
    });
    const { tasks } = await tools.worker.does<{ tasks: unknown[] }>('list_inbox');
    expect(tasks).toEqual([expect.objectContaining({ task_id: sent.task_id })]);

    const more = await tools.send({ description: 'Something else' });
    const first = await tools.worker.call('list_inbox', { page_size: 1 });
    expect(first.text).toMatch(/^Due for .*: more than 1\.\n/);
    expect((await tools.worker.call('list_inbox', {})).text).toMatch(/^Due for .*: 2\.\n/);
    await tools.requester.does('cancel_task', { task_id: more.task_id });

    const { session_id, task } = await tools.claim();
    expect(task).toMatchObject({
      task_id: sent.task_id,
      description: 'Approve the Q3 marketing budget',
      data: { amount: 50_000 },
    });
    await tools.worker.does('heartbeat', { session_id, lease_seconds: 600 });

    const payload = { amount: 50_000, supplier: 'ACME' };
    const ask = {
      task_id: sent.task_id,
      approver_role: tools.manager,
      reason: 'Over the limit',
      payload,
    };
    const { approval_id } = await tools.requester.does<{ approval_id: string }>(
      'request_approval',
      ask,
    );
    expect(await codeOf(tools.requester.call('request_approval', ask))).toBe(
      'approval.pending_exists',
    );
    expect(await tools.requester.does('fetch_status', { id: sent.task_id })).toMatchObject({
      status: 'active',
      claimed_by: expect.stringContaining(tools.manager) as unknown,
      waits_for: [{ what: 'worker' }, { what: 'approval', who: tools.manager, approval_id }],
      last_events: expect.arrayContaining([
        expect.objectContaining({ event: 'approval_requested', approval_id }),
      ]) as unknown,
    });

    for (const [who, filter] of [
      [tools.worker, { waiting_for: 'me' }],
      [tools.worker, { status: 'pending', approver_role: tools.manager }],
      [tools.requester, { asked_by: 'me' }],
    ] as const) {
      const { approvals } = await who.does<{ approvals: unknown[] }>('list_approvals', filter);
      expect(approvals).toEqual([
        expect.objectContaining({ approval_id, reason: 'Over the limit', payload, votes: 0 }),
      ]);
    }
    const own = { approval_id, decision: 'approved' };
    expect((await tools.requester.call('decide_approval', own)).text).toContain('HTTP 403');
    const verdict = { approval_id, decision: 'approved', comments: 'Within the plan' };
    const boss = await tools.agent(tokenFor(tools.manager, newSubject('boss')));
    expect(await boss.does('decide_approval', verdict)).toMatchObject({
      approval_id,
      status: 'approved',
      task_id: sent.task_id,
    });
    expect(await codeOf(boss.call('decide_approval', verdict))).toBe('approval.decided');
    await boss.close();

    const other = { approval_id, payload: { ...payload, amount: 50_001 } };
    expect(await codeOf(tools.worker.call('consume_approval', other))).toBe(
      'approval.digest_mismatch',
    );
    const use = { approval_id, payload: { supplier: 'ACME', amount: 50_000 } };
    const used = await tools.worker.does('consume_approval', use);
    expect(used).toMatchObject({ approval_id, status: 'approved', replayed: false });
    const spent = await tools.worker.call('consume_approval', use);
    expect(spent.code).toBe('approval.consumed');
    expect(spent.text).toContain('Next: Do not act');
    const again = { ...use, idempotency_key: used.idempotency_key };
    expect(await tools.worker.does('consume_approval', again)).toEqual({ ...used, replayed: true });

    const result = { approved_amount: 50_000 };
    await tools.worker.does('complete_task', { session_id, result });
    expect(await tools.requester.does('fetch_status', { id: sent.task_id })).toMatchObject({
      status: 'completed',
      task_status: 'completed',
      result,
      waits_for: [],
    });
    const { events } = await tools.requester.does<{ events: { event: string }[] }>(
      'task_timeline',
      {
        task_id: sent.task_id,
      },
    );
    expect(events.map(({ event }) => event)).toEqual([
      'task_routed',
      'task_claimed',
      'approval_requested',
      'approval_decided',
      'approval_consumed',
      'session_transitioned',
    ]);
  });

  it('request_approval accepts stages and a quorum', async () => {
    const { task_id } = await tools.send();
    const legal = newSubject('legal');
    const lawyers = await Promise.all(
      [1, 2].map((n) => tools.agent(tokenFor(legal, `${legal}-${n}`))),
    );
    const [first, second] = lawyers as [McpAgent, McpAgent];
    const { approval_id } = await tools.requester.does('request_approval', {
      task_id,
      stages: [legal, tools.manager],
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
    const { approvals } = await tools.worker.does<{ approvals: unknown[] }>('list_approvals', {
      waiting_for: 'me',
    });
    expect(approvals).toEqual([
      expect.objectContaining({ stage: 2, stages: [legal, tools.manager] }),
    ]);
    const use = { approval_id, payload: {} };
    expect((await tools.requester.call('consume_approval', use)).isError).toBe(true);
    await Promise.all(lawyers.map((lawyer) => lawyer.close()));
  });

  it('send_task can require an approval before completion', async () => {
    const legal = newSubject('legal');
    const lawyer = await tools.agent(tokenFor(legal, legal));
    await tools.send({ approver_role: legal, quorum: 1 });
    const { session_id, task } = await tools.claim();
    expect(task.requires_approval).toMatchObject({ role: legal, quorum: 1 });
    const refused = await tools.worker.call('complete_task', { session_id });
    expect(refused.code).toBe('task.approval_required');
    expect(refused.text).toContain('Next: Wait for the approval');

    const listed = await lawyer.does<{ approvals: { approval_id: string }[] }>('list_approvals', {
      waiting_for: 'me',
    });
    const approval_id = listed.approvals[0]?.approval_id;
    await lawyer.does('decide_approval', { approval_id, decision: 'approved' });
    expect(await tools.worker.does('complete_task', { session_id })).toMatchObject({
      status: 'completed',
    });
    await lawyer.close();
  });

  it('release_task waits for an approval; complete_task withdraws and lists it', async () => {
    const { task_id } = await tools.send();
    const { session_id } = await tools.claim();
    const legal = newSubject('legal');
    const { approval_id } = await tools.worker.does<{ approval_id: string }>('request_approval', {
      task_id,
      approver_role: legal,
    });
    const refused = await tools.worker.call('complete_task', { session_id });
    expect(refused.code).toBe('approval.pending');
    expect(refused.text).toContain(approval_id);
    expect(refused.text).toContain('withdraw_pending');
    const done = await tools.worker.call('complete_task', { session_id, withdraw_pending: true });
    expect(done.text).toContain(`Withdrawn: ${approval_id} (${legal}).`);
  });

  it('return an error for missing and conflicting arguments', async () => {
    const { task_id } = await tools.send();
    for (const [who, tool, args, code, said] of [
      [
        tools.requester,
        'send_task',
        { target: tools.manager, task_type: 'x', quorum: 2 },
        'request.invalid',
        'arguments/quorum requires approver_role',
      ],
      [tools.requester, 'request_approval', { task_id }, 'request.invalid', '/approver_role'],
      [
        tools.requester,
        'consume_approval',
        { approval_id: UNKNOWN },
        'request.invalid',
        'either payload or digest',
      ],
      [
        tools.requester,
        'consume_approval',
        { approval_id: UNKNOWN, payload: {}, digest: '0'.repeat(64) },
        'request.invalid',
        'either payload or digest',
      ],
      [
        tools.requester,
        'consume_approval',
        { approval_id: UNKNOWN, digest: '0'.repeat(64) },
        'approval.not_found',
        'HTTP 404',
      ],
      [
        tools.worker,
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
