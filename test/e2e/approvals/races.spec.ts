import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApprovalExpiryService } from '../../../src/approvals/approval-expiry.service.js';
import {
  newDatabase,
  newSubject,
  startTestApp,
  type TestApp,
  tokenFor,
} from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { times } from '../../support/kit.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { voteConcurrently } from '../../support/concurrent-votes.js';

const ROUNDS = 8;

let databaseUrl: string;
let meshes: [TestApp, TestApp];

describe('approvals under concurrent requests', () => {
  beforeAll(async () => {
    databaseUrl = await newDatabase();
    meshes = [await startTestApp({ databaseUrl }), await startTestApp({ databaseUrl })];
  });

  afterAll(async () => {
    await Promise.all(meshes.map((mesh) => mesh.close()));
    await dropTestDatabase(databaseUrl);
  });

  const settlementsOf = async (matter: Matter, id: string): Promise<string[]> =>
    (await matter.events(id)).filter((event) => event !== 'approval_requested');

  describe('two controllers on one database', () => {
    it.each([1, 2, 3])(
      'decide once after a quorum of %i from 50 concurrent votes',
      async (quorum) => {
        await voteConcurrently(meshes, quorum, 3);
      },
      120_000,
    );

    it('let one of 50 requests consume the approval', async () => {
      const matter = await Matter.open(meshes[0]);
      const id = await matter.ask();
      const { digest } = (await matter.decide(id)).body;
      const [near, far] = meshes.map((mesh) => matter.agent(matter.from, undefined, mesh));
      if (!near || !far) throw new Error('there are two');
      const answers = await Promise.all(
        times(50, (n) => (n % 2 ? far : near).post(`/approvals/${id}/consume`, { digest })),
      );
      expect(outcomesOf(answers)).toEqual([...times(49, () => 'approval.consumed'), 'ok']);
    }, 60_000);

    it('decide or expire an approval', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const matter = await Matter.open(meshes[0]);
        const id = await matter.ask();
        const [decided] = await Promise.all([
          matter.decide(id),
          matter.lapse(id).then(() => meshes[1].app.get(ApprovalExpiryService).sweep()),
        ]);
        const isDecided = decided.status === 200;
        if (!isDecided) expect(decided.body.code).toBe('approval.expired');
        expect((await matter.get(id)).status).toBe(isDecided ? 'approved' : 'expired');
        // A sweep passes over what is locked, by a decision that is about to be refused.
        await meshes[1].app.get(ApprovalExpiryService).sweep();
        expect(await settlementsOf(matter, id)).toEqual([
          isDecided ? 'approval_decided' : 'approval_expired',
        ]);
      }
    });

    it('decide or delegate an approval', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const matter = await Matter.open(meshes[0]);
        const id = await matter.ask();
        const far = matter.agent(matter.board, undefined, meshes[1]);
        const [decided, handed] = await Promise.all([
          matter.decide(id),
          far.post(`/approvals/${id}/delegate`, { role: newSubject('legal'), reason: 'x' }),
        ]);
        expect([
          ['approval.decided', 'ok'],
          ['auth.forbidden', 'ok'],
        ]).toContainEqual(outcomesOf([decided, handed]));
        expect(await settlementsOf(matter, id)).toHaveLength(1);
      }
    });

    it('leave no pending approval of a task that is completed concurrently', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const matter = await Matter.open(meshes[0]);
        const { worker, session } = await matter.claim();
        const far = matter.agent(matter.from, undefined, meshes[1]);
        const [done, ...asked] = await Promise.all([
          worker.put(`/sessions/${session}`, { status: 'completed' }),
          ...times(4, (n) =>
            far.post('/approvals', { task_id: matter.task, approver_role: `board-${n}` }),
          ),
        ]);
        expect(outcomesOf([done])).toEqual(['ok']);
        for (const outcome of outcomesOf(asked)) expect(['ok', 'task.finished']).toContain(outcome);
        const left = await matter.all();
        expect(left.map(({ status }) => status)).toEqual(left.map(() => 'withdrawn'));
      }
    });
  });

  describe('a killed controller', () => {
    it('between decision and consumption leaves an approval that is consumed once', async () => {
      const doomed = await ControllerProcess.start({ databaseUrl });
      const matter = await Matter.open(meshes[0]);
      const id = await matter.ask();
      const far = new Client(doomed.url, tokenFor(matter.board, newSubject('agent')));
      const { digest } = (await matter.decide(id, 'approved', far)).body;
      doomed.kill('SIGKILL');
      await doomed.ended;

      const answers = await Promise.all(
        times(10, () => matter.requester.post(`/approvals/${id}/consume`, { digest })),
      );
      expect(outcomesOf(answers)).toEqual([...times(9, () => 'approval.consumed'), 'ok']);
    }, 60_000);

    it.each(['before-commit', 'after-commit'] as const)(
      'during a consumption, %s, leaves a retry that completes it',
      async (crashAt) => {
        const doomed = await ControllerProcess.start({ databaseUrl, crashAt });
        const matter = await Matter.open(meshes[0]);
        const id = await matter.ask();
        const { digest } = (await matter.decide(id)).body;
        const key = { 'idempotency-key': `crash-${randomUUID()}` };
        const path = `/approvals/${id}/consume`;
        const far = new Client(doomed.url, tokenFor(matter.from, matter.router));
        await expect(far.post(path, { digest }, key)).rejects.toThrow('fetch failed');
        await doomed.ended;

        const retry = await matter.requester.post<ApprovalBody>(path, { digest }, key);
        expect(retry.status).toBe(200);
        expect(retry.headers.get('idempotent-replayed')).toBe(
          crashAt === 'after-commit' ? 'true' : null,
        );
        const other = await matter.requester.post<ApprovalBody>(path, { digest });
        expect(other.body.code).toBe('approval.consumed');
        expect(await settlementsOf(matter, id)).toEqual(['approval_decided', 'approval_consumed']);
      },
      60_000,
    );
  });
});
