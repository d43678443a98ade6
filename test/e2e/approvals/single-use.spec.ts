import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TestApp, startTestApp, newSubject } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { times } from '../../support/kit.js';
import type { Client } from '../../support/client.js';

let mesh: TestApp;
const payload = { amount: 5 };

describe('single-use approvals', () => {
  beforeAll(async () => {
    mesh = await startTestApp({
      env: { HUMAN_CLAIMS: 'idtyp=user', HUMAN_APPROVER_ROLES: 'people-only' },
    });
  });

  afterAll(() => mesh.close());

  const consume = async (by: Client, matter: Matter, id: string) =>
    by.post<ApprovalBody>(`/approvals/${id}/consume`, { digest: (await matter.get(id)).digest });

  const ask = (matter: Matter, by: Client, more: Record<string, unknown> = {}) =>
    by.post<{ code: string; detail: string; approval_id: string }>('/approvals', {
      ...{ task_id: matter.task, approver_role: matter.board, payload, ...more },
    });

  /** Attempt 1 asks, is approved, consumes and is lost; attempt 2 is claimed. */
  async function lostAfterUse() {
    const matter = await Matter.open(mesh);
    const { worker, session } = await matter.claim();
    const id = await matter.ask({ payload }, worker);
    await matter.decide(id);
    expect((await consume(worker, matter, id)).status).toBe(200);
    await worker.post(`/sessions/${session}/release`, {});
    const next = await matter.claim();
    return { matter, id, first: worker, second: next.worker, session: next.session };
  }

  it('409 for a later attempt, unless repeat is set', async () => {
    const { matter, id, first, second } = await lostAfterUse();

    const refused = await ask(matter, second);
    expect(refused.body.code).toBe('approval.already_consumed');
    expect(refused.body.detail).toContain('attempt 1');
    expect(refused.body.detail).toContain((await matter.get(id)).consumed_by);
    const reasons = ['', ' \u200b', '\u2800\u3164'];
    for (const reason of reasons) {
      expect((await ask(matter, second, { repeat: true, reason })).status).toBe(400);
    }
    const repeated = await ask(matter, second, { repeat: true, reason: 'The first was undone' });
    expect(repeated.status).toBe(202);
    const seen = await matter.get(repeated.body.approval_id, matter.agent(matter.board));
    expect(seen).toMatchObject({
      repeat: true,
      reason: 'The first was undone',
      earlier: [{ approval_id: id.slice(9), status: 'approved', attempt: 1 }],
      task: { task_type: 'purchase', status: 'active' },
    });
    await matter.decide(repeated.body.approval_id);
    expect(outcomesOf([await consume(first, matter, repeated.body.approval_id)])).toEqual([
      'auth.forbidden',
    ]);
    const used = await consume(second, matter, repeated.body.approval_id);
    expect(used.body).toMatchObject({ consumed_attempt: 2 });
  });

  it('are returned with a claim, a list and a task', async () => {
    const { matter, id, second: worker, session } = await lostAfterUse();
    await ask(matter, worker, { repeat: true, reason: 'Once more' });
    await worker.post(`/sessions/${session}/release`, {});
    const claimed = await matter
      .agent(matter.to)
      .post<{ approvals: object[] }>(`/tasks/${matter.task}/claim`, {});

    expect(claimed.body.approvals).toMatchObject([
      { approval_id: id.slice(9), status: 'approved', attempt: 1, repeat: false },
      { status: 'pending', repeat: true, consumed_at: null },
    ]);
    const listed = await worker.get<{ approvals: object[] }>(`/approvals?task_id=${matter.task}`);
    expect(listed.body.approvals).toMatchObject([
      { earlier: [{ approval_id: id.slice(9) }], task: { status: 'active' } },
      { earlier: [] },
    ]);
  });

  it('are consumed once through two approvals concurrently', async () => {
    const matter = await Matter.open(mesh);
    const legal = newSubject('legal');
    const { worker, session } = await matter.claim();
    const one = await matter.ask({ payload }, worker);
    await matter.decide(one);
    const two = await matter.ask({ payload }, worker);
    await matter.decide(two);
    const other = await matter.ask({ payload, stages: [legal] }, worker);
    await matter.decide(other, 'approved', matter.agent(legal));

    const answers = await Promise.all(times(6, (n) => consume(worker, matter, n % 2 ? one : two)));
    const outcomes = outcomesOf(answers);
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
    expect(outcomes).toContain('approval.already_consumed');
    // Another role allows the same act in the same session, and in no later one.
    await worker.post(`/sessions/${session}/release`, {});
    const second = (await matter.claim()).worker;
    expect(outcomesOf([await consume(second, matter, other)])).toEqual([
      'approval.already_consumed',
    ]);
  });

  it('are consumed for two roles in one session', async () => {
    const matter = await Matter.open(mesh);
    const legal = newSubject('legal');
    const { worker } = await matter.claim();
    const one = await matter.ask({ payload }, worker);
    const other = await matter.ask({ payload, stages: [legal] }, worker);
    await matter.decide(one);
    await matter.decide(other, 'approved', matter.agent(legal));

    expect((await consume(worker, matter, one)).status).toBe(200);
    expect((await consume(worker, matter, other)).status).toBe(200);
  });

  it('belong to the current attempt', async () => {
    const matter = await Matter.open(mesh);
    const { worker, session } = await matter.claim();
    const id = await matter.ask({ payload }, worker);
    await matter.decide(id);
    await worker.post(`/sessions/${session}/release`, {});

    expect(outcomesOf([await consume(worker, matter, id)])).toEqual(['approval.not_held']);
    expect(outcomesOf([await consume(matter.agent(matter.to), matter, id)])).toEqual([
      'approval.not_held',
    ]);
    const next = (await matter.claim()).worker;
    expect(outcomesOf([await consume(worker, matter, id)])).toEqual(['auth.forbidden']);
    expect((await consume(next, matter, id)).body).toMatchObject({ consumed_attempt: 2 });
  });

  it('expire no later than their task, in each stage and after a resubmission', async () => {
    const deadline_at = new Date(Date.now() + 3_600_000).toISOString();
    const matter = await Matter.open(mesh, { deadline_at });
    const id = await matter.ask({ expires_in_seconds: 7_200, stages: [matter.board, 'legal'] });
    await matter.decide(id);
    await matter.decide((await matter.all())[1]?.id ?? '', 'rejected', matter.agent('legal'));
    await matter.requester.post(`/approvals/${id}/resubmit`, {});

    for (const { expires_at } of await matter.all()) expect(expires_at).toBe(deadline_at);
  });

  it('keep their members in a resubmission', async () => {
    const matter = await Matter.open(mesh);
    const asked = { expires_in_seconds: 600, quorum: 2, approver_kind: 'human' };
    const id = await matter.ask({ ...asked, stages: [matter.board, 'legal'] });
    await matter.requester.post(`/approvals/${id}/withdraw`, {});
    const resubmitted = await matter.requester.post<ApprovalBody>(`/approvals/${id}/resubmit`, {});

    expect(resubmitted.body).toMatchObject({
      ...{ quorum: 2, approver_kind: 'human', stages: [matter.board, 'legal'] },
    });
    const { created_at, expires_at } = resubmitted.body;
    expect(Date.parse(expires_at ?? '') - Date.parse(created_at)).toBe(600_000);
  });

  it('keep their task from expiring while they are pending', async () => {
    const matter = await Matter.open(mesh);
    await matter.ask({ expires_in_seconds: 2_592_000 });
    const id = matter.task.slice(5);
    const age = `UPDATE sessions SET created_at = now() - interval '8 days' WHERE task_id = $1`;
    await mesh.query(age, [id]);
    const statusOf = async () => (await matter.requester.get(`/tasks/${matter.task}`)).body.status;

    expect(await statusOf()).toBe('pending');
    await mesh.query(
      `UPDATE approvals SET expires_at = now() - interval '8 days' WHERE task_id = $1`,
      [id],
    );
    expect(await statusOf()).toBe('expired');

    const late = await matter.requester.post('/approvals', {
      task_id: matter.task,
      approver_role: matter.board,
    });
    expect([late.status, late.body.code]).toEqual([409, 'task.finished']);
    expect(await statusOf()).toBe('expired');
  });

  it('need a person with approver_kind human, and record the kind of the decider', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask({ payload, approver_kind: 'human', quorum: 1 });
    const software = matter.agent(matter.board);
    const person = matter.person(matter.board);
    const waiting = async (by: Client) =>
      (await by.get<{ approvals: unknown[] }>('/approvals?waiting_for=me')).body.approvals.length;

    expect([await waiting(software), await waiting(person)]).toEqual([0, 1]);
    const refused = await matter.decide(id, 'approved', software);
    expect(refused.status).toBe(403);
    expect(refused.body.code).toBe('approval.human_required');
    expect(refused.body.detail).toContain('HUMAN_CLAIMS');
    const { body } = await matter.decide(id, 'approved', person);
    expect(body).toMatchObject({ status: 'approved', decided_by_kind: 'human' });
    expect((await person.get('/me')).body.kind).toBe('human');
  });

  it('need a person for a role of HUMAN_APPROVER_ROLES, also after a delegation', async () => {
    const matter = await Matter.open(mesh);
    const stages = ['people-only', matter.board];
    const id = await matter.ask({ payload, stages });
    expect((await matter.get(id)).approver_kind).toBe('human');
    const legal = newSubject('legal');
    const delegated = await matter
      .agent('people-only')
      .post(`/approvals/${id}/delegate`, { role: legal, reason: 'Theirs' });
    expect(delegated.status).toBe(200);
    expect(outcomesOf([await matter.decide(id, 'approved', matter.agent(legal))])).toEqual([
      'approval.human_required',
    ]);
    expect((await matter.decide(id, 'approved', matter.person(legal))).status).toBe(200);
    // The next role is not in the list.
    const next = (await matter.all())[1];
    expect(next?.approver_kind).toBe('any');
    expect((await matter.decide(next?.id ?? '')).status).toBe(200);
  });

  it('need a person when the task requires one', async () => {
    const matter = await Matter.requiring(mesh, { approver_kind: 'human' });
    const [required] = await matter.all();
    const { worker, session } = await matter.claim();
    const by = matter.agent(matter.board);

    expect(outcomesOf([await matter.decide(required?.id ?? '', 'approved', by)])).toEqual([
      'approval.human_required',
    ]);
    const complete = () =>
      worker.put<{ code: string }>(`/sessions/${session}`, { status: 'completed' });
    expect((await complete()).body.code).toBe('task.approval_required');
    await matter.decide(required?.id ?? '', 'approved', matter.person(matter.board));
    expect((await complete()).status).toBe(200);
  });

  it('409 after 20 roles and 100 requests; a started chain continues', async () => {
    const matter = await Matter.open(mesh);
    const roles = (from: number, count: number) => times(count, (n) => `limit-${from + n}`);
    const first = await matter.ask({ payload, stages: roles(0, 8) });
    await matter.ask({ payload, stages: roles(8, 8) });
    expect(
      outcomesOf([
        await ask(matter, matter.requester, { approver_role: undefined, stages: roles(16, 5) }),
      ]),
    ).toEqual(['approval.limit_reached']);
    await matter.ask({ payload, stages: roles(16, 4) });
    const delegated = await matter
      .agent('limit-0')
      .post<{ code: string }>(`/approvals/${first}/delegate`, { role: 'limit-21', reason: 'So' });
    expect(delegated.body.code).toBe('approval.limit_reached');
    await mesh.query(
      `INSERT INTO approvals (id, task_id, approver_role, status, decision_at, chain_id, stages)
       SELECT id, $1, 'limit-0', 'withdrawn', now(), id, ARRAY['limit-0']
         FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 79)) made`,
      [matter.task.slice(5)],
    );
    const more = times(5, () => ask(matter, matter.requester, { approver_role: 'limit-1' }));
    const outcomes = outcomesOf(await Promise.all(more));
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
    expect(outcomesOf([await ask(matter, matter.requester, { approver_role: 'limit-2' })])).toEqual(
      ['approval.limit_reached'],
    );
    expect((await matter.decide(first, 'approved', matter.agent('limit-0'))).status).toBe(200);
  });
});
