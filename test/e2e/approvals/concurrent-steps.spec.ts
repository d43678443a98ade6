import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import type { Answer, Client } from '../../support/client.js';
import { endLease, finish, sweepLeases, type TimelineBody } from '../../support/work.js';

/** Each race is repeated, with the second step later by a few milliseconds each time. */
const ROUNDS = 8;

type Response = Answer<ApprovalBody>;

describe('two steps of an approval at the same time', () => {
  /** Two processes on one database. */
  let mesh: TestApp;
  let other: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp();
    other = await startTestApp({ databaseUrl: mesh.databaseUrl });
  });

  afterAll(async () => {
    await other.close();
    await mesh.close();
  });

  const outcome = (response: Response): string => outcomesOf([response])[0] ?? '';

  const approver = (matter: Matter): Client => matter.agent(matter.board, undefined, other);

  const post = (by: Client, id: string, step: string, body: object): Promise<Response> =>
    by.post(`/approvals/${id}/${step}`, body);

  const consume = async (matter: Matter, by: Client, id: string): Promise<Response> =>
    post(by, id, 'consume', { digest: (await matter.get(id)).digest });

  /** Runs both steps, the one or the other with a small delay. */
  async function race<A, B>(
    round: number,
    first: () => Promise<A>,
    second: () => Promise<B>,
  ): Promise<[A, B]> {
    const after = <T>(ms: number, step: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        setTimeout(() => {
          step().then(resolve, reject);
        }, ms);
      });
    const lead = round - ROUNDS / 2;
    return Promise.all([after(Math.max(0, -lead), first), after(Math.max(0, lead), second)]);
  }

  const rounds = async (test: (round: number) => Promise<void>): Promise<void> => {
    for (let round = 0; round < ROUNDS; round += 1) await test(round);
  };

  const settlementsOf = async (matter: Matter, id: string): Promise<string[]> =>
    (await matter.events(id)).filter((event) =>
      ['approval_decided', 'approval_withdrawn'].includes(event),
    );

  it('consume and ask: the payload is consumed once, whichever is first', async () => {
    await rounds(async (round) => {
      const matter = await Matter.open(mesh);
      const { worker } = await matter.claim();
      const payload = { amount: 5 };
      const id = await matter.ask({ payload }, worker);
      await matter.decide(id);
      const { digest } = await matter.get(id);
      const [consumed, asked] = await race(
        round,
        () => post(worker, id, 'consume', { digest }),
        () =>
          worker.post<ApprovalBody & { approval_id: string }>('/approvals', {
            ...{ task_id: matter.task, approver_role: matter.board, payload, reason: 'Again' },
          }),
      );
      expect(outcome(consumed)).toBe('ok');
      expect(['ok', 'approval.already_consumed']).toContain(outcomesOf([asked])[0]);
      if (asked.status === 202) {
        await matter.decide(asked.body.approval_id);
        const again = await consume(matter, worker, asked.body.approval_id);
        expect(outcome(again)).toBe('approval.already_consumed');
      }
      const used = (await matter.all()).filter(({ consumed_at }) => consumed_at !== null);
      expect(used.map((approval) => approval.id)).toEqual([id.replace('approval-', '')]);
    });
  });

  describe.each(['approved', 'rejected'] as const)('retry and decide: %s', (decision) => {
    it('of a failed task: the decision counts, and a rejection before the retry is asked again', async () => {
      await rounds(async (round) => {
        const matter = await Matter.requiring(mesh);
        const id = (await matter.all())[0]?.id ?? '';
        const { worker, session } = await matter.claim();
        await finish(worker, session, { status: 'failed', error: 'no' });
        const [retried, decided] = await race(
          round,
          () => matter.requester.post<ApprovalBody>(`/tasks/${matter.task}/retry`, {}),
          () => matter.decide(id, decision, approver(matter)),
        );
        expect(outcomesOf([retried, decided])).toEqual(['ok', 'ok']);
        const [first, ...again] = await matter.all();
        expect(first).toMatchObject({ id, status: decision });
        const wasRejectedBefore =
          decision === 'rejected' &&
          Date.parse(first?.decision_at ?? '') < Date.parse(again[0]?.created_at ?? '');
        expect(again).toHaveLength(wasRejectedBefore ? 1 : 0);
        const held = await matter.claim();
        const done = await finish(held.worker, held.session);
        expect([done.status, done.body.code]).toEqual(
          decision === 'approved' ? [200, undefined] : [409, 'task.approval_required'],
        );
        const waits = await matter.requester.get<TimelineBody>(`/tasks/${matter.task}/timeline`);
        expect(waits.body.waits_for.map(({ what, who }) => [what, who])).toEqual(
          decision === 'approved'
            ? []
            : [
                ['worker', expect.any(String)],
                ['approval', matter.board],
              ],
        );
      });
    });

    it('of a cancelled task: nothing is decided, and the requirement is pending again', async () => {
      await rounds(async (round) => {
        const matter = await Matter.requiring(mesh);
        const id = (await matter.all())[0]?.id ?? '';
        await matter.requester.post(`/tasks/${matter.task}/cancel`, {});
        const [retried, decided] = await race(
          round,
          () => matter.requester.post<ApprovalBody>(`/tasks/${matter.task}/retry`, {}),
          () => matter.decide(id, decision, approver(matter)),
        );
        expect(outcome(retried)).toBe('ok');
        expect(['task.finished', 'approval.decided']).toContain(outcome(decided));
        expect((await matter.all()).map(({ status }) => status)).toEqual(['withdrawn', 'pending']);
      });
    });
  });

  it.each([1, 2])('delegate and decide by %i: one of them is refused', async (quorum) => {
    await rounds(async (round) => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum });
      const role = newSubject('deputy');
      const [delegated, decided] = await race(
        round,
        () => post(matter.agent(matter.board), id, 'delegate', { role, reason: 'Yours' }),
        () => matter.decide(id, 'approved', approver(matter)),
      );
      const isDelegated = delegated.status === 200;
      expect([outcome(delegated), outcome(decided)]).toEqual(
        isDelegated
          ? ['ok', 'auth.forbidden']
          : [quorum === 1 ? 'approval.decided' : 'approval.delegation_refused', 'ok'],
      );
      expect(await matter.get(id)).toMatchObject({
        approver_role: isDelegated ? role : matter.board,
        delegated_from: isDelegated ? matter.board : null,
        status: isDelegated || quorum === 2 ? 'pending' : 'approved',
        votes: isDelegated ? 0 : 1,
      });
    });
  });

  it('withdraw and decide by two: it is settled once, as the responses state', async () => {
    await rounds(async (round) => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum: 2 });
      const [withdrawn, votes] = await race(
        round,
        () => post(matter.requester, id, 'withdraw', { reason: 'No' }),
        () => Promise.all([1, 2].map(() => matter.decide(id, 'approved', approver(matter)))),
      );
      const isWithdrawn = withdrawn.status === 200;
      const counted = votes.filter(({ status }) => status === 200).length;
      expect(counted).toBeLessThanOrEqual(isWithdrawn ? 1 : 2);
      expect(outcomesOf([withdrawn, ...votes])).toEqual(
        [
          ...Array<string>(counted).fill('ok'),
          ...(isWithdrawn ? ['ok'] : []),
          ...Array<string>(isWithdrawn ? 2 - counted : 1).fill('approval.decided'),
        ].sort(),
      );
      expect(await matter.get(id)).toMatchObject({
        status: isWithdrawn ? 'withdrawn' : 'approved',
        votes: counted,
      });
      expect(await settlementsOf(matter, id)).toEqual([
        isWithdrawn ? 'approval_withdrawn' : 'approval_decided',
      ]);
    });
  });

  it('consume and lose the lease: it is consumed in the attempt that holds it, or not at all', async () => {
    await rounds(async (round) => {
      const matter = await Matter.open(mesh);
      const { worker, session } = await matter.claim();
      const id = await matter.ask({ payload: { round } }, worker);
      await matter.decide(id);
      const { digest } = await matter.get(id);
      await endLease(mesh, session);
      const [consumed] = await race(
        round,
        () => post(worker, id, 'consume', { digest }),
        () => sweepLeases(other),
      );
      // The sweep skips a session that is locked, until the next time.
      await sweepLeases(other);
      const isConsumed = consumed.status === 200;
      expect(outcome(consumed)).toBe(isConsumed ? 'ok' : 'approval.not_held');
      expect(await matter.get(id)).toMatchObject({
        consumed_attempt: isConsumed ? 1 : null,
        consumed_session_id: isConsumed ? session : null,
      });
      await mesh.query(
        `UPDATE sessions SET not_before = created_at WHERE task_id = $1 AND status = 'pending'`,
        [matter.task.replace('task-', '')],
      );
      const next = await matter.claim();
      expect(outcome(await post(next.worker, id, 'consume', { digest }))).toBe(
        isConsumed ? 'approval.consumed' : 'ok',
      );
    });
  });
});
