import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Action, Relation } from '../../src/auth/policy.js';
import { newSubject, type TestApp } from './app.js';
import { type Answer, Client } from './client.js';

/** The callers. */
export const PERSONAS = [
  'claimant',
  'same role',
  'requester',
  'participant',
  'stranger',
  'admin',
  'auditor',
  'missing token',
] as const;
export type Persona = (typeof PERSONAS)[number];

/** The resource of a call. */
export type Thing = 'nothing' | 'attempt' | 'plain session' | 'task' | 'approval';

/** The relations of each caller to each resource, as the policy names them. */
export const RELATIONS: Record<Thing, Partial<Record<Persona, readonly Relation[]>>> = {
  nothing: {},
  attempt: {
    claimant: ['assignee', 'claimant', 'participant'],
    'same role': ['assignee', 'participant'],
    requester: ['participant'],
    participant: ['participant'],
  },
  'plain session': { claimant: ['assignee', 'claimant'], 'same role': ['assignee'] },
  task: {
    claimant: ['assignee', 'participant'],
    'same role': ['assignee', 'participant'],
    requester: ['requester', 'participant'],
    participant: ['participant'],
  },
  // An approver becomes the delegator when it delegates the approval.
  approval: {
    claimant: ['approver', 'claimant', 'delegator', 'participant'],
    'same role': ['approver', 'delegator', 'participant'],
    requester: ['requester', 'participant'],
    participant: ['participant'],
  },
};

export const STAFF: Partial<Record<Persona, readonly Relation[]>> = {
  admin: ['admin'],
  auditor: ['auditor'],
};

/** A task with its session and approval, and its callers. */
export interface World {
  callers: Record<Persona, Caller>;
  task: string;
  /** The task's attempt, held by the claimant. */
  attempt: string;
  /** A session without a task, held by the claimant. */
  plain: string;
  /** Asked by the requester, pending, for the claimant's role to decide. */
  approval: string;
  /** Another agent of the claimant's role, and a role that it can delegate to. */
  delegator: Client;
  delegate: string;
}

export interface Caller {
  role: string;
  client: Client;
}

export interface Recipe {
  thing: Thing;
  call: (world: World, caller: Caller) => Promise<Answer>;
  /** The action that the call performs, if the route has several. */
  action?: Action;
  /** The outcome for callers that the policy allows and the state of the resource refuses. */
  conflicts?: Partial<Record<Persona, string>>;
  /** The status for callers that may not see the resource, if it is not 404. */
  hidden?: number;
}

const UNDECIDED: Recipe['conflicts'] = {
  claimant: 'receipt.undecided',
  'same role': 'receipt.undecided',
  requester: 'receipt.undecided',
  participant: 'receipt.undecided',
  admin: 'receipt.undecided',
  auditor: 'receipt.undecided',
};

const HELD = { 'same role': 'session.claimed' };

const open = (path: string): Recipe[] => [
  { thing: 'nothing', call: (_, { client }) => client.get(path) },
];

const onSession = (
  call: (path: string, caller: Caller) => Promise<Answer>,
  conflicts?: Recipe['conflicts'],
): Recipe[] => [
  { thing: 'attempt', call: ({ attempt }, caller) => call(attempt, caller), conflicts },
  { thing: 'plain session', call: ({ plain }, caller) => call(plain, caller), conflicts },
];

/** A call on a webhook of its own, which the admin has created. */
const onWebhook = (call: (path: string, client: Client) => Promise<Answer>): Recipe[] => [
  {
    thing: 'nothing',
    call: async ({ callers }, { client }) => {
      const created = await callers.admin.client.post<{ id: string }>('/webhooks', WEBHOOK);
      expect(created.status).toBe(201);
      const path = `/webhooks/${created.body.id}`;
      const answer = await call(path, client);
      await callers.admin.client.call('DELETE', path);
      return answer;
    },
    hidden: 403,
  },
];

/** Counts an answer that the state of the log causes, not the policy, as a success. */
async function acceptStatus(answer: Promise<Answer>, status: number): Promise<Answer> {
  const found = await answer;
  return found.status === status ? { ...found, status: 200 } : found;
}

/** Nothing listens there. */
const WEBHOOK = { url: 'http://127.0.0.1:9/', types: ['task.cancelled'] };

/** A call of each route that succeeds for an allowed caller. */
export const RECIPES: Record<string, Recipe[]> = {
  'GET /status': open('/status'),
  'GET /health': open('/health'),
  'GET /health/live': open('/health/live'),
  'GET /health/ready': open('/health/ready'),
  'GET /metrics': [
    { thing: 'nothing', call: (_, { client }) => client.get('/metrics'), hidden: 403 },
  ],
  'GET /me': open('/me'),
  'GET /me/waiting': open('/me/waiting'),
  'GET /overview': open('/overview'),
  'GET /.well-known/oauth-protected-resource': open('/.well-known/oauth-protected-resource'),
  'GET /.well-known/oauth-protected-resource/mcp': open(
    '/.well-known/oauth-protected-resource/mcp',
  ),
  'POST /mcp': [
    {
      thing: 'nothing',
      call: (_, { client }) =>
        client.post(
          '/mcp',
          { jsonrpc: '2.0', id: 1, method: 'tools/list' },
          { accept: 'application/json, text/event-stream' },
        ),
    },
  ],
  'GET /tasks': open('/tasks'),
  'GET /sessions': open('/sessions'),
  'GET /approvals': open('/approvals'),
  'GET /audit/events': open('/audit/events'),
  'GET /audit/events/:id/proof': [
    {
      thing: 'nothing',
      call: (_, { client }) => acceptStatus(client.get(`/audit/events/${randomUUID()}/proof`), 404),
    },
  ],
  'GET /audit/log/checkpoint': [
    {
      thing: 'nothing',
      call: (_, { client }) => acceptStatus(client.get('/audit/log/checkpoint'), 503),
    },
  ],
  'GET /audit/log/consistency': [
    {
      thing: 'nothing',
      call: (_, { client }) => acceptStatus(client.get('/audit/log/consistency?from=0'), 503),
    },
  ],
  'GET /audit/log/keys': open('/audit/log/keys'),
  'GET /audit/log/seals': open('/audit/log/seals'),
  'GET /audit/log/tile/:level/*path': open('/audit/log/tile/0/000.p/1'),
  'GET /audit/log/tile/entries/*path': [
    {
      thing: 'nothing',
      call: (_, { client }) => client.get('/audit/log/tile/entries/000.p/1'),
      hidden: 403,
    },
  ],
  'GET /events': open('/events'),
  'GET /events/stream': [
    {
      thing: 'nothing',
      call: async (_, { client }) => {
        const response = await client.open('/events/stream');
        await response.body?.cancel();
        return { status: response.status, headers: response.headers, body: {}, text: '' };
      },
    },
  ],
  'POST /webhooks': [
    {
      thing: 'nothing',
      call: async (_, { client }) => {
        const created = await client.post<{ id: string }>('/webhooks', WEBHOOK);
        if (created.status === 201) await client.call('DELETE', `/webhooks/${created.body.id}`);
        return created;
      },
      hidden: 403,
    },
  ],
  'GET /webhooks': [
    { thing: 'nothing', call: (_, { client }) => client.get('/webhooks'), hidden: 403 },
  ],
  'GET /webhooks/:id': onWebhook((path, client) => client.get(path)),
  'PATCH /webhooks/:id': onWebhook((path, client) =>
    client.call('PATCH', path, { body: { description: 'x' } }),
  ),
  'DELETE /webhooks/:id': onWebhook((path, client) => client.call('DELETE', path)),
  'POST /webhooks/:id/rotate': onWebhook((path, client) => client.post(`${path}/rotate`, {})),
  'POST /webhooks/:id/test': onWebhook((path, client) => client.post(`${path}/test`)),
  'GET /webhooks/:id/deliveries': onWebhook((path, client) => client.get(`${path}/deliveries`)),
  'POST /webhooks/:id/deliveries/:position/redeliver': onWebhook(async (path, client) => {
    const answer = await client.post(`${path}/deliveries/1/redeliver`);
    return answer.status === 404 ? { ...answer, status: 202 } : answer;
  }),
  'POST /webhooks/:id/replay': onWebhook((path, client) =>
    client.post(`${path}/replay`, { after: '0' }),
  ),
  'POST /audit/ingest': [
    {
      thing: 'nothing',
      call: (_, { client }) =>
        client.post('/audit/ingest', { source: 's', category: 'c', action: 'a' }),
    },
  ],
  'GET /idempotency/:key': [
    {
      thing: 'nothing',
      call: async (_, { client }) => {
        const key = randomUUID();
        const report = { source: 's', category: 'c', action: 'a' };
        await client.post('/audit/ingest', report, { 'idempotency-key': key });
        return client.get(`/idempotency/${key}`);
      },
    },
  ],
  'POST /tasks/route': [
    {
      thing: 'nothing',
      call: (_, { client }) =>
        client.post('/tasks/route', { target: 'legal', task: { task_type: 'x' } }),
    },
  ],
  'GET /tasks/:id': [
    { thing: 'task', call: ({ task }, { client }) => client.get(`/tasks/${task}`) },
  ],
  'GET /tasks/:id/tree': [
    { thing: 'task', call: ({ task }, { client }) => client.get(`/tasks/${task}/tree`) },
  ],
  'GET /tasks/:id/timeline': [
    { thing: 'task', call: ({ task }, { client }) => client.get(`/tasks/${task}/timeline`) },
  ],
  'GET /tasks/wait': open('/tasks/wait?wait_seconds=0'),
  'GET /roles': open('/roles'),
  'GET /roles/:role': open('/roles/legal'),
  'POST /roles/:role/pause': [
    {
      thing: 'nothing',
      call: (_, { client }) =>
        client.post(`/roles/${newSubject('paused')}/pause`, { reason: 'Maintenance' }),
      hidden: 403,
    },
  ],
  'POST /roles/:role/resume': [
    {
      thing: 'nothing',
      call: (_, { client }) => client.post(`/roles/${newSubject('paused')}/resume`, {}),
      hidden: 403,
    },
  ],
  'POST /tasks/claim': [
    { thing: 'nothing', call: (_, { client }) => client.post('/tasks/claim', {}) },
  ],
  'POST /tasks/:id/claim': [
    {
      thing: 'task',
      call: ({ task }, { client }) => client.post(`/tasks/${task}/claim`, {}),
      conflicts: { claimant: 'task.claimed', 'same role': 'task.claimed' },
    },
  ],
  'POST /tasks/cancel': [
    {
      thing: 'nothing',
      call: (_, { client }) => client.post('/tasks/cancel', { task_type: 'missing' }),
    },
  ],
  'POST /tasks/retry': [
    {
      thing: 'nothing',
      call: (_, { client }) => client.post('/tasks/retry', { task_type: 'missing' }),
    },
  ],
  'POST /tasks/:id/cancel': [
    { thing: 'task', call: ({ task }, { client }) => client.post(`/tasks/${task}/cancel`, {}) },
  ],
  'POST /tasks/:id/retry': [
    {
      thing: 'task',
      call: ({ task }, { client }) => client.post(`/tasks/${task}/retry`, {}),
      conflicts: { requester: 'task.open', admin: 'task.open' },
    },
  ],
  'POST /sessions/:id/heartbeat': onSession(
    (id, { client }) => client.post(`/sessions/${id}/heartbeat`, {}),
    HELD,
  ),
  'POST /sessions/:id/release': [
    {
      thing: 'attempt',
      call: ({ attempt }, { client }) => client.post(`/sessions/${attempt}/release`, {}),
      conflicts: HELD,
    },
    {
      thing: 'plain session',
      call: ({ plain }, { client }) => client.post(`/sessions/${plain}/release`, {}),
      conflicts: { ...HELD, claimant: 'session.not_attempt', admin: 'session.not_attempt' },
    },
  ],
  'POST /sessions': [
    { thing: 'nothing', call: (_, { client, role }) => client.post('/sessions', { role }) },
  ],
  'GET /sessions/:id': [
    ...onSession((id, { client }) => client.get(`/sessions/${id}`)),
    { thing: 'attempt', call: ({ task }, { client }) => client.get(`/sessions/${task}`) },
  ],
  'PUT /sessions/:id': [
    ...onSession((id, { client }) => client.put(`/sessions/${id}`, { metadata: { a: 1 } })),
    ...onSession((id, { client }) => client.put(`/sessions/${id}`, { status: 'completed' }), HELD),
  ],
  'PUT /sessions/:id/events': onSession(
    (id, { client }) => client.put(`/sessions/${id}/events`, { event: 'fail' }),
    HELD,
  ),
  'POST /approvals': [
    {
      thing: 'task',
      call: ({ task }, { client }) =>
        client.post('/approvals', { task_id: task, approver_role: newSubject('approver') }),
      action: 'approvals.create',
    },
    {
      // The pending approval of the claimant's role.
      thing: 'approval',
      call: ({ task, callers }, { client }) =>
        client.post('/approvals', {
          task_id: task,
          approver_role: callers.claimant.role,
          decision: 'approved',
        }),
      action: 'approvals.decide',
    },
  ],
  'GET /approvals/:id': [
    { thing: 'approval', call: ({ approval }, { client }) => client.get(`/approvals/${approval}`) },
  ],
  'GET /approvals/:id/receipt': [
    {
      thing: 'approval',
      call: ({ approval }, { client }) => client.get(`/approvals/${approval}/receipt`),
      // The approval is pending.
      conflicts: UNDECIDED,
    },
  ],
  'POST /approvals/:id/decision': [
    {
      thing: 'approval',
      call: ({ approval }, { client }) =>
        client.post(`/approvals/${approval}/decision`, { decision: 'approved' }),
    },
  ],
  'POST /approvals/:id/withdraw': [
    {
      thing: 'approval',
      call: ({ approval }, { client }) => client.post(`/approvals/${approval}/withdraw`, {}),
    },
  ],
  'POST /approvals/:id/delegate': [
    {
      thing: 'approval',
      call: ({ approval }, { client }) =>
        client.post(`/approvals/${approval}/delegate`, { role: newSubject('other'), reason: 'x' }),
    },
  ],
  'POST /approvals/:id/recall': [
    {
      thing: 'approval',
      call: async ({ approval, delegator, delegate }, { client }) => {
        const body = { role: delegate, reason: 'x' };
        await delegator.post(`/approvals/${approval}/delegate`, body);
        return client.post(`/approvals/${approval}/recall`, {});
      },
    },
  ],
  'POST /approvals/:id/reassign': [
    {
      thing: 'approval',
      call: ({ approval }, { client }) =>
        client.post(`/approvals/${approval}/reassign`, { role: newSubject('other'), reason: 'x' }),
    },
  ],
  'POST /approvals/:id/resubmit': [
    {
      thing: 'approval',
      call: ({ approval }, { client }) => client.post(`/approvals/${approval}/resubmit`, {}),
      conflicts: { requester: 'approval.open' },
    },
  ],
  'POST /approvals/:id/consume': [
    {
      thing: 'approval',
      call: ({ approval }, { client }) =>
        client.post(`/approvals/${approval}/consume`, { digest: '0'.repeat(64) }),
      // The assignee may consume it; the digest matches no payload.
      conflicts: { claimant: 'refused with 422', requester: 'refused with 403' },
    },
  ],
};

export async function newWorld(mesh: TestApp): Promise<World> {
  const worker = newSubject('worker');
  const callers: Record<Persona, Caller> = {
    claimant: newCaller(mesh, worker),
    'same role': newCaller(mesh, worker),
    requester: newCaller(mesh, newSubject('requester')),
    participant: newCaller(mesh, newSubject('participant')),
    stranger: newCaller(mesh, newSubject('stranger')),
    admin: newCaller(mesh, 'admin'),
    auditor: newCaller(mesh, 'auditor'),
    'missing token': { role: worker, client: new Client(mesh.url) },
  };
  const { requester, claimant, participant } = callers;
  const ask = (approver_role: string) =>
    requester.client.post<{ approval_id: string }>('/approvals', { task_id: task, approver_role });

  const routed = await requester.client.post<{ task_id: string }>('/tasks/route', {
    target: worker,
    task: { task_type: 'approval' },
  });
  const task = routed.body.task_id;
  const attempt = await claimant.client.get<{ id: string }>(`/sessions/${task}`);
  const plain = await claimant.client.post<{ id: string }>('/sessions', { role: worker });
  for (const { id } of [attempt.body, plain.body])
    expect((await claimant.client.put(`/sessions/${id}`, { status: 'active' })).status).toBe(200);
  expect((await ask(participant.role)).status).toBe(202);
  const approval = (await ask(worker)).body.approval_id;
  const delegator = newCaller(mesh, worker).client;
  return {
    ...{ callers, task, attempt: attempt.body.id, plain: plain.body.id, approval },
    ...{ delegator, delegate: newSubject('delegate') },
  };
}

function newCaller(mesh: TestApp, role: string): Caller {
  return { role, client: mesh.agent(role) };
}
