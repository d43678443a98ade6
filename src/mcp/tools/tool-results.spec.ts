import { describe, expect, it } from '@jest/globals';
import { callTool, LISTED } from './call-tool.js';
import type { MeshClient } from './mesh-client.js';
import type { OperationName } from './operations.js';
import { recordOf } from './json-of.js';

const ID = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';
const AT = '2036-01-31T12:00:00.000Z';

/** A mesh with these responses; it records the operations. */
function meshWith(bodies: Partial<Record<OperationName, object>>) {
  const called: OperationName[] = [];
  const mesh: MeshClient = {
    call(operation) {
      called.push(operation);
      return Promise.resolve({ status: 200, body: { ...bodies[operation] }, replayed: false });
    },
  };
  return { mesh, called };
}

async function contentOf(mesh: MeshClient, name: string, args: Record<string, unknown>) {
  const { result } = await callTool(mesh, name, args);
  expect(result.isError).not.toBe(true);
  return recordOf(result.structuredContent);
}

async function textOf(mesh: MeshClient, name: string, args: Record<string, unknown>) {
  const { content } = (await callTool(mesh, name, args)).result;
  return content.map((part) => ('text' in part ? part.text : '')).join('\n');
}

describe('a tool result', () => {
  const timeline = {
    events: [
      { event: 'task_cancelled', session_id: ID, approval_id: null, cause: ID, until_approval: ID },
      { event: 'task_routed', session_id: null, approval_id: ID },
    ],
    waits_for: [{ what: 'approval', approval_id: ID }, { what: 'worker' }],
    complete: true,
  };
  const prefixed = [
    {
      ...{ event: 'task_cancelled', session_id: `session-${ID}`, approval_id: null },
      ...{ cause: `task-${ID}`, until_approval: `approval-${ID}` },
    },
    { event: 'task_routed', session_id: null, approval_id: `approval-${ID}` },
  ];
  const waits_for = [{ what: 'approval', approval_id: `approval-${ID}` }, { what: 'worker' }];

  it('of fetch_status and task_timeline contains prefixed ids', async () => {
    const { mesh } = meshWith({ get_session: { id: ID, task_id: ID }, read_timeline: timeline });
    const status = await contentOf(mesh, 'fetch_status', { id: ID });
    expect(status.waits_for).toEqual(waits_for);
    expect(status.last_events).toEqual([...prefixed].reverse());
    const all = await contentOf(mesh, 'task_timeline', { task_id: ID });
    expect(all.waits_for).toEqual(waits_for);
    expect(all.events).toEqual(prefixed);
  });

  it.each([
    ['context', 'get_task'],
    ['result', 'get_session'],
    ['payload', 'get_approval'],
  ] as const)('of read_detail with a bare id and %s is read with %s', async (member, operation) => {
    const { mesh, called } = meshWith({ [operation]: { [member]: { a: 1 } } });
    const { text } = await contentOf(mesh, 'read_detail', { id: ID, member });
    expect([text, called]).toEqual(['{"a":1}', [operation]]);
  });

  it.each([
    ['release_task', 'release_session', 'failed', null],
    ['complete_task', 'update_session', 'completed', null],
    ['heartbeat', 'extend_lease', 'active', AT],
  ] as const)('of %s has a lease only for an open session', async (name, operation, status, at) => {
    const { mesh } = meshWith({ [operation]: { id: ID, status, lease_expires_at: AT } });
    expect(await contentOf(mesh, name, { session_id: ID })).toMatchObject({
      status,
      lease_expires_at: at,
    });
  });

  it('of send_task has warnings, an optional member of its output schema', async () => {
    const warnings = [{ code: 'task.unseen_role', message: 'No token with this role was seen.' }];
    const { mesh } = meshWith({ route_task: { task_id: `task-${ID}`, warnings } });
    const content = await contentOf(mesh, 'send_task', { target: 'a', task_type: 'b' });
    expect(content.warnings).toEqual(warnings);
    const schema = LISTED.find(({ name }) => name === 'send_task')?.outputSchema;
    expect(Object.keys(schema?.properties ?? {})).toEqual(
      expect.arrayContaining(Object.keys(content)),
    );
    expect(schema?.required).not.toContain('warnings');
  });
});

describe('send_task', () => {
  it.each(['quorum', 'expires_in_seconds', 'approver_kind'])(
    'names %s if approver_role is missing',
    async (name) => {
      const { mesh, called } = meshWith({});
      const value = name === 'approver_kind' ? 'human' : 60;
      const args = { target: 'a', task_type: 'b', [name]: name === 'quorum' ? 2 : value };
      const { outcome } = await callTool(mesh, 'send_task', args);
      expect([outcome, called]).toEqual(['request.invalid', []]);
      expect(await textOf(mesh, 'send_task', args)).toContain(`${name} requires approver_role`);
    },
  );
});

describe('claim_task', () => {
  const approval = { approval_id: ID, approver_role: 'board', status: 'approved', consumed_at: AT };
  const claim = (more: object) =>
    meshWith({
      claim_next_task: {
        task: { id: ID, attempt: 2 },
        session: { id: ID, status: 'active', claimed_by: 'worker' },
        approvals: [{ ...approval, ...more }],
      },
    }).mesh;

  it.each([
    [{ consumed_by: 'a', attempt: 1 }, 'consumed in attempt 1 by a at'],
    [{ consumed_by: 'a', attempt: 2 }, `consumed by a at ${AT}, before any claim of this attempt`],
    [{ consumed_by: 'worker', attempt: 2 }, 'consumed in attempt 2 by worker at'],
  ])('names the consumption %j', async (consumed, text) => {
    expect(await textOf(claim(consumed), 'claim_task', {})).toContain(text);
  });
});

describe('the key of a call', () => {
  const described = (name: string) => {
    const tool = LISTED.find((listed) => listed.name === name);
    const { idempotency_key } = recordOf(tool?.inputSchema.properties);
    const { replayed } = recordOf(tool?.outputSchema?.properties);
    return [idempotency_key, replayed].map((member) => recordOf(member).description);
  };

  it('is described as it acts on the tool', () => {
    const [common, stored] = described('send_task');
    expect(common).toContain('executed once');
    expect(stored).toContain('stored response');
    expect(described('heartbeat')).toEqual([
      expect.stringContaining('Each heartbeat is executed'),
      expect.stringContaining('Always false'),
    ]);
    expect(described('claim_task')).toEqual([common, expect.stringContaining('current state')]);
  });
});
