import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  newSubject,
  startTestApp,
  type TestApp,
  TEST_SECRET,
  tokenFor,
} from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';
import { signedToken } from '../../support/signed-token.js';

interface AckBody {
  approval_id: string;
  status: string;
  task_id: string;
}

interface ApprovalBody {
  id: string;
  status: string;
}

interface PageBody {
  approvals: ApprovalBody[];
  page_size: number;
  next_cursor: string | null;
}

interface EventRow {
  event_type: string;
  role: string;
  actor: string;
  metadata: Record<string, unknown>;
}

/** A task between two roles that nobody else has, and what is done about its approvals. */
interface Workflow {
  from: string;
  to: string;
  /** The subject that routed the task. */
  router: string;
  task: string;
}

let mesh: TestApp;

const agent = (roles: string | string[], sub?: string) =>
  new Client(mesh.url, tokenFor(roles, sub ?? newSubject('agent')));
const subject = (sub: string) => `agent-mesh-dev#${sub}`;

async function newTask(): Promise<Workflow> {
  const [from, to, router] = [newSubject('from'), newSubject('to'), newSubject('router')];
  const routed = await agent(from, router).post<AckBody>('/tasks/route', {
    target: to,
    task: { task_type: 'approval' },
  });
  expect(routed.status).toBe(202);
  return { from, to, router, task: routed.body.task_id };
}

async function ask({ from, task }: Workflow, approver_role: string, sub?: string): Promise<string> {
  const asked = await agent(from, sub).post<AckBody>('/approvals', {
    task_id: task,
    approver_role,
    reason: 'Over the limit',
  });
  expect(asked.status).toBe(202);
  return asked.body.approval_id;
}

/** A token with roles but no `role` claim: it does not say which of them to act for. */
function tokenWithoutDefault(roles: string[]): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'agent-mesh-dev',
    sub: newSubject('agent'),
    roles,
    iat: now,
    exp: now + 60,
  };
  return signedToken({ alg: 'HS256' }, claims, TEST_SECRET);
}

const eventsOf = (approvalId: string) =>
  mesh.query<EventRow>(
    `SELECT event_type, role, actor, metadata FROM audit_events
      WHERE approval_id = $1 ORDER BY timestamp, id`,
    [approvalId.slice('approval-'.length)],
  );

function expectProblem(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
}

const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));
const statusesOf = (answers: Answer[]) => answers.map(({ status }) => status).sort();

describe('approvals', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  describe('are asked for', () => {
    it('of a role, by whoever takes part in the task, with one event', async () => {
      const flow = await newTask();
      const [approver, asker] = [newSubject('approver'), newSubject('asker')];
      const asked = await agent(flow.from, asker).post<AckBody>('/approvals', {
        task_id: flow.task,
        approver_role: approver,
        reason: 'Over the limit',
        decision: 'pending',
        comments: '',
      });
      expect(asked.status).toBe(202);
      expect(asked.body).toEqual({
        approval_id: expect.stringMatching(/^approval-[0-9a-f-]{36}$/),
        status: 'pending',
        task_id: flow.task,
      });
      const approval = await agent(approver).get(`/approvals/${asked.body.approval_id}`);
      expect(approval.body).toMatchObject({
        id: asked.body.approval_id.slice('approval-'.length),
        task_id: flow.task.slice('task-'.length),
        approver_role: approver,
        status: 'pending',
        reason: 'Over the limit',
        notes: '',
        requested_by: subject(asker),
        requested_role: flow.from,
        decided_by: null,
        decision_at: null,
      });
      expect(await eventsOf(asked.body.approval_id)).toMatchObject([
        {
          event_type: 'approval_requested',
          role: flow.from,
          actor: subject(asker),
          metadata: { approver_role: approver },
        },
      ]);
    });

    it('with pending as what is meant when no decision is given, and a bare task id', async () => {
      const { to, task } = await newTask();
      for (const extra of [{}, { decision: null, reason: null, comments: null }]) {
        const asked = await agent(to).post<AckBody>('/approvals', {
          task_id: task.slice('task-'.length),
          approver_role: newSubject('approver'),
          ...extra,
        });
        expect(asked).toMatchObject({ status: 202, body: { status: 'pending' } });
      }
    });

    it('never without the role that is to decide', async () => {
      const { from, task } = await newTask();
      for (const extra of [{}, { approver_role: null }]) {
        const answer = await agent(from).post('/approvals', { task_id: task, ...extra });
        expectProblem(answer, 400, 'request.invalid');
        expect(answer.body.errors).toMatchObject([{ pointer: '/approver_role' }]);
      }
    });

    it.each(['admin', 'auditor', 'system'])('never of the reserved role %s', async (role) => {
      const { from, task } = await newTask();
      const answer = await agent(from).post('/approvals', { task_id: task, approver_role: role });
      expectProblem(answer, 400, 'request.invalid');
    });

    it.each([
      [{ task_id: 'x' }, '/task_id'],
      [{ task_id: 7 }, '/task_id'],
      [{ approver_role: '' }, '/approver_role'],
      [{ approver_role: 'r'.repeat(51) }, '/approver_role'],
      [{ approver_role: ['x'] }, '/approver_role'],
      [{ decision: 'maybe' }, '/decision'],
      [{ decision: 'withdrawn' }, '/decision'],
      [{ decision: 'Approved' }, '/decision'],
      [{ reason: 7 }, '/reason'],
      [{ reason: 'x'.repeat(10_001) }, '/reason'],
      [{ comments: 'x'.repeat(10_001) }, '/comments'],
      [{ comments: 'a', notes: 'b' }, '/notes'],
      [{ decided_by: 'me' }, '/decided_by'],
    ])('not with %j', async (extra, pointer) => {
      const { from, task } = await newTask();
      const answer = await agent(from).post<{ errors: { pointer: string }[] }>('/approvals', {
        task_id: task,
        approver_role: 'approver',
        ...extra,
      });
      expect(answer.status).toBe(400);
      expect(new Set(answer.body.errors.map((problem) => problem.pointer))).toEqual(
        new Set([pointer]),
      );
    });

    it('never about a task that is missing or somebody else’s, which look the same', async () => {
      const { task } = await newTask();
      const details = new Set<unknown>();
      for (const task_id of [task, randomUUID()]) {
        for (const body of [{ approver_role: 'x' }, { decision: 'approved' }]) {
          const answer = await agent(newSubject('stranger')).post('/approvals', {
            task_id,
            ...body,
          });
          expectProblem(answer, 404, 'task.not_found');
          details.add(answer.body.detail);
        }
      }
      expect(details.size).toBe(1);
    });

    it('never by an auditor or an admin, who may only look', async () => {
      const { task } = await newTask();
      for (const staff of ['auditor', 'admin']) {
        const answer = await agent(staff).post('/approvals', { task_id: task, approver_role: 'x' });
        expectProblem(answer, 403, 'auth.forbidden');
      }
    });

    it('not twice while the first is pending; the second is told which', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const id = await ask(flow, approver);
      const again = await agent(flow.to).post('/approvals', {
        task_id: flow.task,
        approver_role: approver,
      });
      expectProblem(again, 409, 'approval.pending_exists');
      expect(again.body.detail).toContain(id);
      await ask(flow, newSubject('another'));
    });

    it('again once the first is settled', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const first = await ask(flow, approver);
      await agent(approver).post(`/approvals/${first}/decision`, {
        decision: 'rejected',
        comments: 'Too much',
      });
      const second = await ask(flow, approver);
      expect(second).not.toBe(first);
      expect((await agent(approver).get(`/approvals/${first}`)).body.status).toBe('rejected');
    });

    it('once, when 20 ask at the same time', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const answers = await Promise.all(
        times(20, (index) =>
          agent(index % 2 === 0 ? flow.from : flow.to).post('/approvals', {
            task_id: flow.task,
            approver_role: approver,
          }),
        ),
      );
      expect(statusesOf(answers)).toEqual([202, ...times(19, () => 409)]);
      const id = String(answers.find(({ status }) => status === 202)?.body.approval_id);
      for (const { body } of answers.filter(({ status }) => status === 409)) {
        expect(body).toMatchObject({ code: 'approval.pending_exists' });
        expect(body.detail).toContain(id);
      }
      expect(await eventsOf(id)).toHaveLength(1);
    });
  });

  describe('are decided', () => {
    it.each(['approved', 'rejected'])('by the role that was asked: %s', async (decision) => {
      const flow = await newTask();
      const [approver, decider] = [newSubject('approver'), newSubject('decider')];
      const id = await ask(flow, approver);
      const decided = await agent(approver, decider).post(`/approvals/${id}/decision`, {
        decision,
        comments: 'Within the budget',
      });
      expect(decided).toMatchObject({
        status: 200,
        body: {
          status: decision,
          notes: 'Within the budget',
          decided_by: subject(decider),
          decision_at: expect.stringMatching(/Z$/),
        },
      });
      expect((await agent(flow.from).get(`/approvals/${id}`)).body).toEqual(decided.body);
      expect((await eventsOf(id)).slice(1)).toMatchObject([
        {
          event_type: 'approval_decided',
          role: approver,
          actor: subject(decider),
          metadata: { decision },
        },
      ]);
    });

    it('by naming the task only, where one is pending for the caller', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const id = await ask(flow, approver);
      const decided = await agent(approver).post('/approvals', {
        task_id: flow.task,
        decision: 'approved',
        comments: 'Fine',
      });
      expect(decided).toMatchObject({
        status: 202,
        body: { approval_id: id, status: 'approved', task_id: flow.task },
      });
    });

    it('by no other role, whoever they are', async () => {
      const flow = await newTask();
      const id = await ask(flow, newSubject('approver'));
      const decide = (role: string) =>
        agent(role).post(`/approvals/${id}/decision`, { decision: 'approved' });
      for (const role of [flow.from, flow.to, 'auditor', 'admin'])
        expectProblem(await decide(role), 403, 'auth.forbidden');
      expectProblem(await decide(newSubject('stranger')), 404, 'approval.not_found');
      expect((await agent('auditor').get(`/approvals/${id}`)).body.status).toBe('pending');
    });

    it('never by naming a role that the caller does not hold', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const id = await ask(flow, approver);
      const answer = await agent(flow.to).post('/approvals', {
        task_id: flow.task,
        approver_role: approver,
        decision: 'approved',
      });
      expectProblem(answer, 403, 'auth.role_not_held');
      expect((await agent(flow.to).get(`/approvals/${id}`)).body.status).toBe('pending');
    });

    it('never by the subject that asked, nor by the one that routed, whatever roles they hold', async () => {
      const flow = await newTask();
      const [approver, asker] = [newSubject('approver'), newSubject('asker')];
      const id = await ask(flow, approver, asker);
      for (const sub of [asker, flow.router]) {
        for (const answer of [
          await agent(approver, sub).post(`/approvals/${id}/decision`, { decision: 'approved' }),
          await agent(approver, sub).post('/approvals', {
            task_id: flow.task,
            decision: 'approved',
          }),
        ])
          expectProblem(answer, 403, 'approval.four_eyes');
      }
      const other = await agent(approver).post(`/approvals/${id}/decision`, {
        decision: 'approved',
      });
      expect(other.status).toBe(200);
    });

    it('once: later ones are told what became of it', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const id = await ask(flow, approver);
      await agent(approver).post(`/approvals/${id}/decision`, { decision: 'approved' });
      for (const decision of ['approved', 'rejected']) {
        const again = await agent(approver).post(`/approvals/${id}/decision`, {
          decision,
          comments: 'So be it',
        });
        expectProblem(again, 409, 'approval.decided');
        expect(again.body.detail).toContain('approved');
      }
      expect(await eventsOf(id)).toHaveLength(2);
    });

    it('never when they are missing', async () => {
      const answer = await agent('manager').post(`/approvals/${randomUUID()}/decision`, {
        decision: 'approved',
      });
      expectProblem(answer, 404, 'approval.not_found');
    });

    it.each([
      {},
      { decision: 'pending' },
      { decision: 'x' },
      { decision: null },
      { decision: 'approved', reason: 'x' },
    ])('not by %j', async (body) => {
      const answer = await agent('manager').post(`/approvals/${randomUUID()}/decision`, body);
      expectProblem(answer, 400, 'request.invalid');
    });

    it('once, when 20 agents of the role decide at the same time', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const id = await ask(flow, approver);
      const answers = await Promise.all(
        times(20, (index) => {
          const decision = index % 2 === 0 ? 'approved' : 'rejected';
          const body = { decision, comments: 'So be it' };
          return agent(approver).post(`/approvals/${id}/decision`, body);
        }),
      );
      expect(statusesOf(answers)).toEqual([200, ...times(19, () => 409)]);
      const winner = answers.find(({ status }) => status === 200)?.body;
      expect((await agent(approver).get(`/approvals/${id}`)).body).toEqual(winner);
      expect(await eventsOf(id)).toHaveLength(2);
    });

    it('or withdrawn, when both happen at the same time', async () => {
      const approver = newSubject('approver');
      const outcomes = await Promise.all(
        times(10, async () => {
          const flow = await newTask();
          const id = await ask(flow, approver);
          const [decided, withdrawn] = await Promise.all([
            agent(approver).post(`/approvals/${id}/decision`, { decision: 'approved' }),
            agent(flow.from).post(`/approvals/${id}/withdraw`, {}),
          ]);
          expect(statusesOf([decided, withdrawn])).toEqual([200, 409]);
          const { body } = await agent(approver).get<ApprovalBody>(`/approvals/${id}`);
          expect(body.status).toBe(decided.status === 200 ? 'approved' : 'withdrawn');
          return (await eventsOf(id)).length;
        }),
      );
      expect(outcomes).toEqual(times(10, () => 2));
    });

    it('where several are pending for the caller, by the one that it names', async () => {
      const flow = await newTask();
      const [one, two] = [newSubject('one'), newSubject('two')];
      const ids = [await ask(flow, one), await ask(flow, two)];
      const named = await agent([one, two]).post('/approvals', {
        task_id: flow.task,
        approver_role: two,
        decision: 'rejected',
        comments: 'Too much',
      });
      expect(named.body).toMatchObject({ approval_id: ids[1], status: 'rejected' });
      const rest = await agent([two, one]).post('/approvals', {
        task_id: flow.task,
        decision: 'approved',
      });
      expect(rest.body).toMatchObject({ approval_id: ids[0], status: 'approved' });
    });

    it('where several are pending for the caller, by the role of its token’s claim', async () => {
      const flow = await newTask();
      const [one, two] = [newSubject('one'), newSubject('two')];
      const [, id] = [await ask(flow, one), await ask(flow, two)];
      const decided = await agent([two, one]).post('/approvals', {
        task_id: flow.task,
        decision: 'approved',
      });
      expect(decided.body).toMatchObject({ approval_id: id });
    });

    it('where several are pending and neither body nor token names one of them, not at all', async () => {
      const flow = await newTask();
      const [one, two] = [newSubject('one'), newSubject('two')];
      const ids = [await ask(flow, one), await ask(flow, two)];
      const body = { task_id: flow.task, decision: 'approved' };
      const undecided = new Client(mesh.url, tokenWithoutDefault([one, two]));
      const ambiguous = await undecided.post('/approvals', body);
      expectProblem(ambiguous, 400, 'auth.role_ambiguous');
      const elsewhere = await agent([newSubject('third'), one, two]).post('/approvals', body);
      expectProblem(elsewhere, 400, 'auth.role_ambiguous');
      for (const { body } of [ambiguous, elsewhere]) {
        for (const name of [one, two, ...ids]) expect(body.detail).toContain(name);
      }
      const pending = await agent(flow.from).get<PageBody>(
        `/approvals?task_id=${flow.task}&status=pending`,
      );
      expect(pending.body.approvals).toHaveLength(2);
    });
  });

  describe('that nobody asked for', () => {
    it('are decided by the role that the task was sent to', async () => {
      const { from, to, task } = await newTask();
      const decider = newSubject('decider');
      const decided = await agent(to, decider).post<AckBody>('/approvals', {
        task_id: task,
        decision: 'approved',
        comments: 'Fine',
        reason: 'Small',
      });
      expect(decided).toMatchObject({ status: 202, body: { status: 'approved', task_id: task } });
      const { body } = await agent(from).get(`/approvals/${decided.body.approval_id}`);
      expect(body).toMatchObject({
        approver_role: to,
        status: 'approved',
        notes: 'Fine',
        reason: 'Small',
        requested_by: null,
        requested_role: null,
        decided_by: subject(decider),
      });
      expect(body.decision_at).not.toBeNull();
      expect(await eventsOf(decided.body.approval_id)).toMatchObject([
        { event_type: 'approval_decided', role: to, actor: subject(decider) },
      ]);
    });

    it('are decided by no other role', async () => {
      const flow = await newTask();
      const bystander = newSubject('bystander');
      const id = await ask(flow, bystander);
      await agent(flow.from).post(`/approvals/${id}/withdraw`, {});
      for (const role of [flow.from, bystander, 'auditor', 'admin']) {
        const answer = await agent(role).post('/approvals', {
          task_id: flow.task,
          decision: 'approved',
        });
        expectProblem(answer, 404, 'approval.none_pending');
      }
    });

    it('are decided once', async () => {
      const { to, task } = await newTask();
      const first = await agent(to).post<AckBody>('/approvals', {
        task_id: task,
        decision: 'rejected',
        comments: 'Too much',
      });
      const again = await agent(to).post('/approvals', { task_id: task, decision: 'approved' });
      expectProblem(again, 409, 'approval.decided');
      expect(again.body.detail).toContain(first.body.approval_id);
      expect(again.body.detail).toContain('rejected');
    });

    it('are told truly what stands against a second decision, when an ask was withdrawn since', async () => {
      const flow = await newTask();
      const first = await agent(flow.to).post<AckBody>('/approvals', {
        task_id: flow.task,
        decision: 'rejected',
        comments: 'Too much',
      });
      const asked = await ask(flow, flow.to);
      await agent(flow.from).post(`/approvals/${asked}/withdraw`, {});
      const again = await agent(flow.to).post('/approvals', {
        task_id: flow.task,
        decision: 'approved',
      });
      expectProblem(again, 409, 'approval.decided');
      expect(again.body.detail).toContain(first.body.approval_id);
    });

    it('are not decided by the subject that routed the task', async () => {
      const { to, router, task } = await newTask();
      const answer = await agent(to, router).post('/approvals', {
        task_id: task,
        decision: 'approved',
      });
      expectProblem(answer, 403, 'approval.four_eyes');
    });

    it('are decided once, when 20 decide at the same time', async () => {
      const { from, to, task } = await newTask();
      const answers = await Promise.all(
        times(20, (index) =>
          agent(to).post('/approvals', {
            task_id: task,
            decision: index % 2 === 0 ? 'approved' : 'rejected',
            comments: 'So be it',
          }),
        ),
      );
      expect(statusesOf(answers)).toEqual([202, ...times(19, () => 409)]);
      const { body } = await agent(from).get<PageBody>(`/approvals?task_id=${task}`);
      expect(body.approvals).toHaveLength(1);
      expect(await eventsOf(`approval-${body.approvals[0]?.id ?? ''}`)).toHaveLength(1);
    });

    it('never count twice, when one asks while another decides', async () => {
      await Promise.all(
        times(10, async () => {
          const flow = await newTask();
          const [asked, decided] = await Promise.all([
            agent(flow.from).post('/approvals', { task_id: flow.task, approver_role: flow.to }),
            agent(flow.to).post('/approvals', { task_id: flow.task, decision: 'approved' }),
          ]);
          expect([asked.status, decided.status]).toEqual([202, 202]);
          const { body } = await agent(flow.from).get<PageBody>(`/approvals?task_id=${flow.task}`);
          const settled = body.approvals.filter(({ status }) => status === 'approved');
          expect(settled).toHaveLength(1);
        }),
      );
    });
  });

  describe('are withdrawn', () => {
    it('by the role that asked, while they are pending, with the reason in the trail', async () => {
      const flow = await newTask();
      const id = await ask(flow, newSubject('approver'));
      const sub = newSubject('agent');
      const withdrawn = await agent(flow.from, sub).post(`/approvals/${id}/withdraw`, {
        reason: 'Changed',
      });
      expect(withdrawn).toMatchObject({
        status: 200,
        body: { status: 'withdrawn', decided_by: null },
      });
      expect((await eventsOf(id)).slice(1)).toMatchObject([
        {
          event_type: 'approval_withdrawn',
          role: flow.from,
          actor: subject(sub),
          metadata: { reason: 'Changed' },
        },
      ]);
    });

    it('without a body too', async () => {
      const flow = await newTask();
      const id = await ask(flow, newSubject('approver'));
      expect((await agent(flow.from).post(`/approvals/${id}/withdraw`)).status).toBe(200);
    });

    it('by nobody else', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const id = await ask(flow, approver);
      const withdraw = (role: string) => agent(role).post(`/approvals/${id}/withdraw`, {});
      for (const role of [flow.to, approver, 'auditor', 'admin'])
        expectProblem(await withdraw(role), 403, 'auth.forbidden');
      expectProblem(await withdraw(newSubject('stranger')), 404, 'approval.not_found');
      const missing = await agent(flow.from).post(`/approvals/${randomUUID()}/withdraw`, {});
      expectProblem(missing, 404, 'approval.not_found');
    });

    it('once, and never after the decision', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const id = await ask(flow, approver);
      const answers = await Promise.all(
        times(10, () => agent(flow.from).post(`/approvals/${id}/withdraw`, {})),
      );
      expect(statusesOf(answers)).toEqual([200, ...times(9, () => 409)]);
      const late = await agent(approver).post(`/approvals/${id}/decision`, {
        decision: 'approved',
      });
      expectProblem(late, 409, 'approval.decided');
      expect(late.body.detail).toContain('withdrawn');
      const second = await ask(flow, approver);
      await agent(approver).post(`/approvals/${second}/decision`, { decision: 'approved' });
      const tooLate = await agent(flow.from).post(`/approvals/${second}/withdraw`, {});
      expectProblem(tooLate, 409, 'approval.decided');
    });
  });

  describe('are read', () => {
    it('by all who may read the task, by no one else', async () => {
      const flow = await newTask();
      const approver = newSubject('approver');
      const id = await ask(flow, approver);
      for (const role of [flow.from, flow.to, approver, 'auditor', 'admin']) {
        for (const form of [id, id.slice('approval-'.length)])
          expect((await agent(role).get(`/approvals/${form}`)).status).toBe(200);
      }
      const foreign = await agent(newSubject('stranger')).get(`/approvals/${id}`);
      const missing = await agent(flow.from).get(`/approvals/${randomUUID()}`);
      expectProblem(foreign, 404, 'approval.not_found');
      expectProblem(missing, 404, 'approval.not_found');
      expect(foreign.body.detail).toBe(missing.body.detail);
    });

    it.each(['x', `task-${randomUUID()}`])('not by %s', async (id) => {
      expectProblem(await agent('manager').get(`/approvals/${id}`), 400, 'request.invalid');
    });

    it('in lists by status, role and task, the newest first', async () => {
      const flow = await newTask();
      const [one, two] = [newSubject('one'), newSubject('two')];
      const ids = [await ask(flow, one), await ask(flow, two)];
      await agent(one).post(`/approvals/${ids[0] ?? ''}/decision`, { decision: 'approved' });
      const list = async (client: Client, query: string) =>
        (await client.get<PageBody>(`/approvals?${query}`)).body.approvals.map(
          ({ id }) => `approval-${id}`,
        );
      const asker = agent(flow.from);
      expect(await list(asker, '')).toEqual([ids[1], ids[0]]);
      expect(await list(asker, 'status=pending')).toEqual([ids[1]]);
      expect(await list(asker, `approver_role=${one}`)).toEqual([ids[0]]);
      expect(await list(asker, `task_id=${flow.task}&status=approved`)).toEqual([ids[0]]);
      expect(await list(asker, `task_id=${randomUUID()}`)).toEqual([]);
      expect(await list(agent('auditor'), `task_id=${flow.task}`)).toHaveLength(2);
      expect(await list(agent(newSubject('stranger')), `task_id=${flow.task}`)).toEqual([]);
    });

    it('by cursor without a loss or a double', async () => {
      const flow = await newTask();
      const made: string[] = [];
      for (let i = 0; i < 7; i++) made.unshift(await ask(flow, newSubject('approver')));
      await mesh.query(
        `UPDATE approvals SET created_at = date_trunc('hour', now()) WHERE task_id = $1`,
        [flow.task.slice('task-'.length)],
      );
      const seen: string[] = [];
      let more = '';
      do {
        const { body } = await agent(flow.from).get<PageBody>(`/approvals?page_size=3${more}`);
        seen.push(...body.approvals.map(({ id }) => `approval-${id}`));
        more = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
        await ask(flow, newSubject('later'));
      } while (more !== '');
      expect(seen.filter((id) => made.includes(id))).toHaveLength(7);
      expect(new Set(seen).size).toBe(seen.length);
    });

    it.each([
      'status=done',
      'status=',
      'task_id=x',
      'approver_role=',
      'cursor=x',
      'page=1',
      'page_size=0',
      'unknown=1',
    ])('not with ?%s', async (query) => {
      expectProblem(await agent('manager').get(`/approvals?${query}`), 400, 'request.invalid');
    });
  });
});

describe('approvals without the four-eyes rule', () => {
  beforeAll(async () => {
    mesh = await startTestApp({ env: { APPROVALS_FOUR_EYES: 'false' } });
  });

  afterAll(() => mesh.close());

  it('may be decided by the subject that asked, when it holds the role', async () => {
    const flow = await newTask();
    const [approver, asker] = [newSubject('approver'), newSubject('asker')];
    const id = await ask(flow, approver, asker);
    const decided = await agent(approver, asker).post(`/approvals/${id}/decision`, {
      decision: 'approved',
    });
    expect(decided.status).toBe(200);
  });

  it('may be decided by the subject that routed, without an ask too', async () => {
    const { to, router, task } = await newTask();
    const decided = await agent(to, router).post('/approvals', {
      task_id: task,
      decision: 'approved',
    });
    expect(decided).toMatchObject({ status: 202, body: { status: 'approved' } });
  });

  it('are still decided by the role that was asked only', async () => {
    const flow = await newTask();
    const id = await ask(flow, newSubject('approver'));
    const answer = await agent(flow.from).post(`/approvals/${id}/decision`, {
      decision: 'approved',
    });
    expectProblem(answer, 403, 'auth.forbidden');
  });
});
