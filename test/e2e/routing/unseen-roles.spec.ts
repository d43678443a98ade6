import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { McpAgents } from '../../support/mcp.js';
import { useSharedApp } from '../../support/kit.js';

interface Routed {
  status: string;
  warnings?: { code: string; message: string; pointer?: string }[];
}

const TASK = { task_type: 'budget_approval' };

const warningAbout = (role: string) => ({
  code: 'task.unseen_role',
  message: `No agent of the role "${role}" has called the controller yet. Check the name.`,
  pointer: '/target',
});

describe('POST /tasks/route with an unseen role', () => {
  const mesh = useSharedApp();
  let finance: Client;

  beforeAll(() => {
    finance = mesh.agent('finance');
  });

  const route = (target: string, headers = {}, task: object = TASK) =>
    finance.post<Routed>('/tasks/route', { target, task }, headers);

  it('202 with a warning', async () => {
    const { status, body } = await route('mangaer');

    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'accepted', warnings: [warningAbout('mangaer')] });
  });

  it('returns the warning together with those about members', async () => {
    const { body } = await route('mangaer', {}, { type: 'a', amount: 1 });

    expect(body.warnings?.map(({ code }) => code)).toEqual([
      'task.unknown_member',
      'task.unseen_role',
    ]);
  });

  it('replays the response after the role is seen', async () => {
    const role = newSubject('late');
    const key = { 'idempotency-key': randomUUID() };
    const first = await route(role, key);
    await new Client(mesh.url, tokenFor(role)).get('/me');

    expect(first.body.warnings).toEqual([warningAbout(role)]);
    expect(await route(role, key)).toMatchObject({ status: 200, text: first.text });
  });

  it.each([
    ['its own', () => 'finance', () => Promise.resolve()],
    [
      'one whose agent has called',
      () => newSubject('caller'),
      (role: string) => new Client(mesh.url, tokenFor(role)).get('/me'),
    ],
    [
      'one of several of a token',
      () => newSubject('second'),
      (role: string) => new Client(mesh.url, tokenFor(['first', role])).get('/me'),
    ],
    [
      'one that another instance has seen',
      () => newSubject('elsewhere'),
      (role: string) => mesh.query('INSERT INTO seen_roles (role) VALUES ($1)', [role]),
    ],
  ])('has no warning for a seen role: %s', async (_, name, see) => {
    const role = name();
    await see(role);

    expect((await route(role)).body).not.toHaveProperty('warnings');
  });

  it('warns when only a forged token has the role', async () => {
    const role = newSubject('forged');
    const forged = `${tokenFor(role).slice(0, -4)}AAAA`;
    expect((await new Client(mesh.url, forged).get('/me')).status).toBe(401);

    expect((await route(role)).body.warnings).toEqual([warningAbout(role)]);
  });

  it.each([
    ['send_task', { task_type: 'a' }],
    ['notify', { message: 'The contract is signed' }],
  ])('the tool %s returns the warning', async (tool, args) => {
    const agents = new McpAgents('http', mesh.url);
    const agent = await agents.agent(tokenFor('finance'));
    const { text, content } = await agent.call(tool, { target: 'mangaer', ...args });
    await agent.close();
    await agents.close();

    const warning = warningAbout('mangaer');
    expect(text).toContain(`Warning: /target: ${warning.message}`);
    expect(content).toMatchObject({ status: 'accepted', warnings: [warning] });
  });
});

describe('POST /tasks/route with ROLES and an unseen role', () => {
  it('has no warning for a listed role', async () => {
    const mesh = await startTestApp({ env: { ROLES: 'finance,manager' } });
    const finance = new Client(mesh.url, tokenFor('finance'));
    const routed = await finance.post('/tasks/route', { target: 'manager', task: TASK });
    const unlisted = await finance.post('/tasks/route', { target: 'mangaer', task: TASK });
    await mesh.close();

    expect(Object.keys(routed.body)).toEqual(['task_id', 'status', 'trace_id']);
    expect(unlisted.status).toBe(400);
  });
});
