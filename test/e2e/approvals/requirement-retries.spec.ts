import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { finish, type TaskBody, type TimelineBody, type Written } from '../../support/work.js';

describe('a retry of a task that requires an approval', () => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const retry = (matter: Matter) =>
    matter.requester.post<Written>(`/tasks/${matter.task}/retry`, { reason: 'Once more' });

  const pendingOf = async (matter: Matter): Promise<ApprovalBody[]> =>
    (await matter.all()).filter(({ status }) => status === 'pending');

  /** A failed task whose requirement came to nothing. */
  async function failed(how: 'rejected' | 'withdrawn' | 'expired'): Promise<Matter> {
    const matter = await Matter.requiring(mesh);
    const id = (await matter.all())[0]?.id ?? '';
    const { worker, session } = await matter.claim();
    if (how === 'rejected') await matter.decide(id, 'rejected');
    if (how === 'withdrawn') await matter.requester.post(`/approvals/${id}/withdraw`, {});
    if (how === 'expired') await matter.lapse(id);
    await finish(worker, session, { status: 'failed', error: 'no' });
    return matter;
  }

  const ask = (matter: Matter) => matter.ask({ payload: { question: 'Another one' } });

  describe.each(['rejected', 'withdrawn', 'expired'] as const)('when that is %s', (how) => {
    it('is refused while the role has another question of it, and leaves no trace', async () => {
      const matter = await failed(how);
      const other = await ask(matter);
      const refused = await retry(matter);
      expect([refused.status, refused.body.code]).toEqual([409, 'approval.pending_exists']);
      expect(refused.body.detail).toContain(other);
      const { body } = await matter.requester.get<TaskBody>(`/tasks/${matter.task}`);
      expect(body).toMatchObject({ status: 'failed', attempt: 1 });
      expect(await pendingOf(matter)).toHaveLength(1);
    });

    it.each(['decided', 'withdrawn', 'expired'])(
      'opens it at once after that question is %s',
      async (end) => {
        const matter = await failed(how);
        const other = await ask(matter);
        if (end === 'decided') await matter.decide(other);
        if (end === 'withdrawn') await matter.requester.post(`/approvals/${other}/withdraw`, {});
        if (end === 'expired') await matter.lapse(other);
        expect((await retry(matter)).status).toBe(200);
        const [opened, ...more] = await pendingOf(matter);
        expect([opened?.stages, opened?.digest, more]).toEqual([
          [matter.board],
          (await matter.all())[0]?.digest,
          [],
        ]);
        const waits = await matter.requester.get<TimelineBody>(`/tasks/${matter.task}/timeline`);
        expect(waits.body.waits_for).toMatchObject([
          { what: 'claim' },
          { what: 'approval', who: matter.board, approval_id: opened?.id },
        ]);
      },
    );

    it('opens it beside a question that the role has in a later stage', async () => {
      const matter = await failed(how);
      const first = newSubject('first');
      const chain = await matter.ask({ stages: [first, matter.board], payload: { n: 1 } });
      await matter.decide(chain, 'approved', matter.agent(first));
      expect((await retry(matter)).status).toBe(200);
      const stages = (await pendingOf(matter)).map(({ stage }) => stage);
      expect(stages.sort()).toEqual([1, 2]);
    });
  });

  it('opens nothing while another role decides it for the role that it requires', async () => {
    const matter = await Matter.requiring(mesh);
    const [required] = await matter.all();
    const role = newSubject('deputy');
    await matter
      .agent(matter.board)
      .post(`/approvals/${required?.id ?? ''}/delegate`, { role, reason: 'Yours' });
    const { worker, session } = await matter.claim();
    await finish(worker, session, { status: 'failed', error: 'no' });
    expect((await retry(matter)).status).toBe(200);
    expect(await pendingOf(matter)).toMatchObject([{ id: required?.id, approver_role: role }]);
  });

  it('and another question at the same time: one is refused, or the requirement was first', async () => {
    for (let round = 0; round < 6; round += 1) {
      const matter = await failed('rejected');
      const [retried, asked] = await Promise.all([
        retry(matter),
        matter.requester.post<Written>('/approvals', {
          ...{ task_id: matter.task, approver_role: matter.board, reason: 'Another' },
          payload: { round },
        }),
      ]);
      expect(outcomesOf([retried, asked])).toEqual(['approval.pending_exists', 'ok']);
      expect(await pendingOf(matter)).toHaveLength(1);
      const { body } = await matter.requester.get<TaskBody>(`/tasks/${matter.task}`);
      expect(body.status).toBe(retried.status === 200 ? 'pending' : 'failed');
    }
  });
});
