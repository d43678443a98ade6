import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ServiceHeartbeatService } from '../../../src/database/service-heartbeat.service.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { Matter } from '../../support/approvals.js';
import type { Client } from '../../support/client.js';
import { endLease, finish, Team, type TimelineBody } from '../../support/work.js';

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

describe('what a task waits for', () => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp({ env: { LEASE_MIN_SECONDS: '1' } });
  });

  afterAll(() => mesh.close());

  const waits = async (matter: Matter): Promise<TimelineBody['waits_for']> =>
    (await matter.requester.get<TimelineBody>(`/tasks/${matter.task}/timeline`)).body.waits_for;

  describe('while its worker voted on the approval that it requires', () => {
    const requirementOf = async (matter: Matter): Promise<string> =>
      (await matter.all())[0]?.id ?? '';

    /** Votes first and claims then: a worker does not vote. */
    async function claimedByVoter(matter: Matter): Promise<[Client, string, string]> {
      const voter = matter.agent([matter.to, matter.board]);
      const id = await requirementOf(matter);
      expect((await matter.decide(id, 'approved', voter)).status).toBe(200);
      const { session } = await matter.claim(voter);
      return [voter, session, id];
    }

    it('is a claim by another agent, and names the approval', async () => {
      const matter = await Matter.requiring(mesh);
      const [voter, session, approval_id] = await claimedByVoter(matter);
      const refused = await finish(voter, session);
      expect([refused.status, refused.body.code]).toEqual([409, 'task.approval_required']);
      const { body } = await voter.get<TimelineBody>(`/tasks/${matter.task}/timeline`);
      const since = body.events.find(({ event }) => event === 'task_claimed')?.at;
      expect(body.waits_for).toEqual([{ what: 'claim', who: matter.to, since, approval_id }]);
    });

    it('is a claim since the decision, where that came after the claim', async () => {
      const matter = await Matter.requiring(mesh, { quorum: 2 });
      const [, , approval_id] = await claimedByVoter(matter);
      expect(await waits(matter)).toMatchObject([{ what: 'worker' }, { what: 'approval' }]);
      expect((await matter.decide(approval_id)).status).toBe(200);
      const { decision_at } = await matter.get(approval_id);
      expect(await waits(matter)).toEqual([
        { what: 'claim', who: matter.to, since: decision_at, approval_id },
      ]);
    });

    it('is the worker again once another agent took the task over', async () => {
      const matter = await Matter.requiring(mesh);
      const [voter, session] = await claimedByVoter(matter);
      await voter.post(`/sessions/${session}/release`, {});
      const [claim, ...more] = await waits(matter);
      expect([claim, more]).toEqual([
        { what: 'claim', who: matter.to, since: expect.any(String) },
        [],
      ]);
      const { worker, session: second } = await matter.claim();
      expect(await waits(matter)).toMatchObject([{ what: 'worker' }]);
      expect((await finish(worker, second)).status).toBe(200);
    });

    it('is the worker again once the role approved without its vote', async () => {
      const matter = await Matter.requiring(mesh);
      const [voter, session] = await claimedByVoter(matter);
      await matter.decide(await matter.ask());
      expect(await waits(matter)).toMatchObject([{ what: 'worker' }]);
      expect((await finish(voter, session)).status).toBe(200);
    });
  });

  describe('after an outage', () => {
    const notice = () => mesh.app.get(ServiceHeartbeatService).beat();

    /** Records that no instance was at work for 20 seconds, in which a time of the task's attempts passed. */
    async function outage(id: string, ...columns: string[]): Promise<void> {
      await mesh.query(
        `UPDATE service_heartbeat SET grace_until = NULL, beat_at = clock_timestamp() - interval '20 seconds'`,
      );
      for (const column of columns) {
        await mesh.query(
          `UPDATE sessions SET ${column} = clock_timestamp() - interval '10 seconds' WHERE task_id = $1`,
          [id],
        );
      }
      await notice();
    }

    const endGrace = async (): Promise<void> => {
      await mesh.query(`UPDATE service_heartbeat SET grace_until = clock_timestamp()`);
      await notice();
    };

    it.each([
      ['lease', {}, ['lease_expires_at'], 'worker'],
      ['run limit', { max_run_seconds: 3_600 }, ['run_until', 'lease_expires_at'], 'claim'],
      [
        'deadline',
        { deadline_at: inSeconds(3_600) },
        ['deadline_at', 'lease_expires_at'],
        undefined,
      ],
    ])('is the worker whose %s ended in it, until the grace period ends', async (...row) => {
      const [, more, columns, afterGrace] = row;
      const team = new Team(mesh);
      const id = await team.route(more);
      const worker = team.worker();
      const { session } = await team.claim(worker);
      await outage(id, ...columns);
      expect(await team.waitsFor(id)).toMatchObject([{ what: 'worker', who: session.claimed_by }]);
      await endGrace();
      expect((await team.waitsFor(id)).map(({ what }) => what)).toEqual(
        afterGrace === undefined ? [] : [afterGrace],
      );
      expect((await finish(worker, session.id)).status).toBe(200);
    });

    it('is the worker whose lease ended while no heartbeat of the service is recorded', async () => {
      const team = new Team(mesh);
      const id = await team.route();
      const worker = team.worker();
      const { session } = await team.claim(worker);
      const runner = mesh.dataSource.createQueryRunner();
      try {
        await notice();
        await runner.startTransaction();
        await runner.query('SELECT 1 FROM service_heartbeat FOR UPDATE');
        await new Promise((resolve) => setTimeout(resolve, 8_500));
        await endLease(mesh, session.id);
        expect(await team.waitsFor(id)).toMatchObject([{ what: 'worker' }]);
      } finally {
        await runner.rollbackTransaction();
        await runner.release();
      }
      await notice();
      expect(await team.waitsFor(id)).toMatchObject([{ what: 'worker' }]);
      expect((await worker.post(`/sessions/${session.id}/heartbeat`, {})).status).toBe(200);
    });
  });

  describe('of a parked attempt', () => {
    it('is a claim from the expiry of the approval on, before any sweep', async () => {
      const matter = await Matter.open(mesh);
      const { worker, session } = await matter.claim();
      const approval = await matter.ask({}, worker);
      const parked = await worker.post(`/sessions/${session}/release`, {
        until_approval: approval,
      });
      expect(parked.status).toBe(200);
      expect(await waits(matter)).toMatchObject([{ what: 'approval', who: matter.board }]);
      await matter.lapse(approval);
      const { expires_at, status } = await matter.get(approval);
      expect(status).toBe('expired');
      expect(await waits(matter)).toEqual([{ what: 'claim', who: matter.to, since: expires_at }]);
    });
  });
});
