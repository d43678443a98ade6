import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import type { Express } from 'express';
import { POLICY_KEY } from '../../../src/auth/policy.decorator.js';
import { type Action, POLICY, type Relation, type Rule } from '../../../src/auth/policy.js';
import { IS_PUBLIC } from '../../../src/auth/public.decorator.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';

/** Who calls. */
const PERSONAS = [
  'claimant',
  'same role',
  'requester',
  'participant',
  'stranger',
  'admin',
  'auditor',
  'missing token',
] as const;
type Persona = (typeof PERSONAS)[number];

/** What they ask about. */
type Thing = 'nothing' | 'attempt' | 'plain session' | 'task' | 'approval';

/** How each stands to each, in the words of the policy table. Staff stand to everything as staff. */
const RELATIONS: Record<Thing, Partial<Record<Persona, readonly Relation[]>>> = {
  nothing: {},
  attempt: {
    claimant: ['assignee', 'claimant', 'participant'],
    'same role': ['assignee', 'participant'],
    asker: ['participant'],
    participant: ['participant'],
  },
  'plain session': { claimant: ['assignee', 'claimant'], 'same role': ['assignee'] },
  task: {
    claimant: ['assignee', 'participant'],
    'same role': ['assignee', 'participant'],
    asker: ['requester', 'participant'],
    participant: ['participant'],
  },
  // Whoever may decide it is the delegator once it has delegated it.
  approval: {
    claimant: ['assignee', 'claimant', 'delegator', 'participant'],
    'same role': ['assignee', 'delegator', 'participant'],
    asker: ['requester', 'participant'],
    participant: ['participant'],
  },
};

const STAFF: Partial<Record<Persona, readonly Relation[]>> = {
  admin: ['admin'],
  auditor: ['auditor'],
};

/** One task with everything that hangs on it, and everybody who may have to do with it. */
interface World {
  callers: Record<Persona, Caller>;
  task: string;
  /** The task's attempt, held by the claimant. */
  attempt: string;
  /** A session without a task, held by the claimant. */
  plain: string;
  /** Asked by the asker, pending, for the claimant's role to decide. */
  approval: string;
  /** Another agent of the claimant's role, and a role that it can delegate to. */
  delegator: Client;
  delegate: string;
}

interface Caller {
  role: string;
  client: Client;
}

interface Recipe {
  thing: Thing;
  call: (world: World, caller: Caller) => Promise<Answer>;
  /** What becomes of those who are allowed, but stand in the way of somebody else. */
  conflicts?: Partial<Record<Persona, string>>;
  /** What those who may not even know are told, where there is nothing to hide; else 404. */
  hidden?: number;
}

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

/** How each route is called with success by whoever is entitled to. */
const RECIPES: Record<string, Recipe[]> = {
  'GET /status': open('/status'),
  'GET /health': open('/health'),
  'GET /health/live': open('/health/live'),
  'GET /health/ready': open('/health/ready'),
  'GET /metrics': [
    { thing: 'nothing', call: (_, { client }) => client.get('/metrics'), hidden: 403 },
  ],
  'GET /me': open('/me'),
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
  'POST /tasks/:id/cancel': [
    { thing: 'task', call: ({ task }, { client }) => client.post(`/tasks/${task}/cancel`, {}) },
  ],
  'POST /tasks/:id/retry': [
    {
      thing: 'task',
      call: ({ task }, { client }) => client.post(`/tasks/${task}/retry`, {}),
      conflicts: { asker: 'task.open', admin: 'task.open' },
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
    },
  ],
  'GET /approvals/:id': [
    { thing: 'approval', call: ({ approval }, { client }) => client.get(`/approvals/${approval}`) },
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
      conflicts: { asker: 'approval.open' },
    },
  ],
  'POST /approvals/:id/consume': [
    {
      thing: 'approval',
      call: ({ approval }, { client }) =>
        client.post(`/approvals/${approval}/consume`, { digest: '0'.repeat(64) }),
      // Whoever holds the task uses it; the digest is not that of anything.
      conflicts: { claimant: 'refused with 422', asker: 'refused with 403' },
    },
  ],
};

interface Route {
  name: string;
  action: Action | undefined;
  isPublic: boolean;
}

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

let mesh: TestApp;
let routes: Route[];

describe('the policy table', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
    routes = [...mesh.app.get(ModulesContainer).values()].flatMap((module) =>
      [...module.controllers.values()].flatMap(({ metatype }) => routesOf(metatype as Type)),
    );
    routes = routes.filter(({ name }) => name !== 'ALL /mcp');
  });

  afterAll(() => mesh.close());

  /** The routes of a controller, as Nest reads them from its metadata. */
  function routesOf(controller: Type): Route[] {
    const reflector = mesh.app.get(Reflector);
    const prototype = controller.prototype as Record<string, () => unknown>;
    return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
      const handler = prototype[name];
      const path: unknown = handler && Reflect.getMetadata(PATH_METADATA, handler);
      if (!handler || typeof path !== 'string') return [];
      const targets = [handler, controller];
      const method = RequestMethod[Number(Reflect.getMetadata(METHOD_METADATA, handler))];
      const whole = `/${String(Reflect.getMetadata(PATH_METADATA, controller))}/${path}`;
      return {
        name: `${method ?? '?'} ${whole.replace(/\/+/g, '/').replace(/(.)\/$/, '$1')}`,
        action: reflector.getAllAndOverride<Action | undefined>(POLICY_KEY, targets),
        isPublic: reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets) ?? false,
      };
    });
  }

  function ruleOf(action: Action | undefined): Rule {
    if (action === undefined) throw new Error('the route names no action');
    return POLICY[action];
  }

  describe('every route', () => {
    it('names an action of the policy table', () => {
      expect(routes.length).toBeGreaterThan(0);
      expect(routes.filter(({ action }) => action === undefined || !(action in POLICY))).toEqual(
        [],
      );
    });

    it('is open to callers without a token only if the table says so', () => {
      for (const { name, action, isPublic } of routes)
        expect({ name, isPublic }).toEqual({ name, isPublic: ruleOf(action) === 'public' });
    });

    it('of the server is one of a controller, but for the API docs', () => {
      const server: Express = mesh.app.getHttpAdapter().getInstance();
      const served = (server.router.stack as unknown as Layer[]).flatMap(({ route }) =>
        Object.keys(route?.methods ?? {}).map(
          (method) => `${method.toUpperCase()} ${route?.path ?? ''}`,
        ),
      );
      const others = served.filter((name) => !/ \/(api-)?docs\b/.test(name));
      // Every other method of /mcp is refused by one handler: mcp/http.spec.ts.
      const refused = others.filter((name) => / \/mcp$/.test(name) && name !== 'POST /mcp');
      expect(refused).toContain('GET /mcp');
      expect(new Set(others.filter((name) => !refused.includes(name)))).toEqual(
        new Set(routes.map(({ name }) => name)),
      );
    });

    it('has a recipe here', () => {
      expect(Object.keys(RECIPES).sort()).toEqual(routes.map(({ name }) => name).sort());
    });
  });

  it('every action of the policy table is that of a route', () => {
    expect(new Set(routes.map(({ action }) => action))).toEqual(new Set(Object.keys(POLICY)));
  });

  describe.each(Object.keys(RECIPES))('%s', (name) => {
    const cases = (RECIPES[name] ?? []).flatMap((recipe, index) =>
      PERSONAS.map((persona) => ({ persona, recipe, thing: recipe.thing, index })),
    );

    it.each(cases)('by $persona about $thing ($index)', async ({ persona, recipe }) => {
      const rule = ruleOf(routes.find((route) => route.name === name)?.action);
      const world = await newWorld();
      const answer = await recipe.call(world, world.callers[persona]);
      expect(outcomeOf(answer)).toBe(expected(rule, persona, recipe));
    });
  });
});

/** What the policy table makes of a call. */
function expected(rule: Rule, persona: Persona, recipe: Recipe): string {
  if (rule === 'public') return 'done';
  if (persona === 'missing token') return 'refused with 401';
  if (rule === 'agent') return 'done';
  const relations = [...(RELATIONS[recipe.thing][persona] ?? []), ...(STAFF[persona] ?? [])];
  const isOneOf = (list: readonly Relation[]) => list.some((one) => relations.includes(one));
  if (isOneOf(rule.allow)) return recipe.conflicts?.[persona] ?? 'done';
  return `refused with ${isOneOf(rule.visibleTo) ? 403 : (recipe.hidden ?? 404)}`;
}

function outcomeOf({ status, body }: Answer): string {
  if (status >= 200 && status < 300) return 'done';
  return status === 409 ? String(body.code) : `refused with ${status}`;
}

async function newWorld(): Promise<World> {
  const worker = newSubject('worker');
  const callers: Record<Persona, Caller> = {
    claimant: newCaller(worker),
    'same role': newCaller(worker),
    asker: newCaller(newSubject('requester')),
    participant: newCaller(newSubject('participant')),
    stranger: newCaller(newSubject('stranger')),
    admin: newCaller('admin'),
    auditor: newCaller('auditor'),
    'missing token': { role: worker, client: new Client(mesh.url) },
  };
  const { asker, claimant, participant } = callers;
  const ask = (approver_role: string) =>
    asker.client.post<{ approval_id: string }>('/approvals', { task_id: task, approver_role });

  const routed = await asker.client.post<{ task_id: string }>('/tasks/route', {
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
  const delegator = newCaller(worker).client;
  return {
    ...{ callers, task, attempt: attempt.body.id, plain: plain.body.id, approval },
    ...{ delegator, delegate: newSubject('delegate') },
  };
}

function newCaller(role: string): Caller {
  return { role, client: new Client(mesh.url, tokenFor(role, newSubject('agent'))) };
}
