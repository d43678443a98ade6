import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import {
  APPROVAL_OPERATIONS,
  ApprovalModel,
  type ApprovalOperation,
} from '../../support/approval-model.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { times } from '../../support/kit.js';
import type { Answer, Client } from '../../support/client.js';

const RUNS = 40;
const VOTERS = 5;
/** Printed with the counterexample; another one is tried on every run. */
const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31);

/** What leads to many different states comes more often. */
const WEIGHTS: Record<ApprovalOperation['name'], number> = {
  ...{ approve: 12, ask: 3, reject: 1, withdraw: 1, resubmit: 3, consume: 4, lapse: 1, cancel: 1 },
};

const operation: fc.Arbitrary<ApprovalOperation> = fc.record({
  name: fc.oneof(
    ...APPROVAL_OPERATIONS.map((name) => ({
      arbitrary: fc.constant(name),
      weight: WEIGHTS[name],
    })),
  ),
  voter: fc.integer({ min: 0, max: VOTERS - 1 }),
  isLate: fc.integer({ min: 0, max: 7 }).map((n) => n === 7),
});

let mesh: TestApp;

describe('approvals and their model', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  it(`approvals of a task match the model (MODEL_SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 2 }),
        fc.array(operation, { minLength: 3, maxLength: 20, size: 'max' }),
        async (quorum, stages, operations) => {
          const model = new ApprovalModel(quorum, stages);
          const table = await Table.open(quorum, stages);
          for (const each of operations) await table.compare(model, each);
        },
      ),
      { numRuns: RUNS, seed },
    );
  }, 120_000);
});

/** A task whose approvals are asked of the same roles, and approvers who hold them all. */
class Table {
  private constructor(
    private readonly matter: Matter,
    private readonly voters: Client[],
    private readonly ask: Record<string, unknown>,
  ) {}

  static async open(quorum: number, stages: number): Promise<Table> {
    const matter = await Matter.open(mesh);
    const roles = times(stages, () => newSubject('stage'));
    const table = new Table(
      matter,
      times(VOTERS, () => matter.agent(roles)),
      { stages: roles, quorum },
    );
    await matter.ask(table.ask);
    return table;
  }

  /** Does one thing to the approvals and to their model. */
  async compare(model: ApprovalModel, each: ApprovalOperation): Promise<void> {
    const before = await this.matter.all();
    const target = before[model.targetOf(each)];
    const expected = model.apply(each);
    const answer = target && (await this.act(each, target));
    expect(answer ? outcomesOf([answer])[0] : 'ok').toBe(expected);

    const after = await this.matter.all();
    expect(
      after.map(({ status, stage, votes, consumed_by }) => [
        status,
        stage,
        votes,
        consumed_by !== null,
      ]),
    ).toEqual(
      model.approvals.map(({ status, stage, votes, isConsumed }) => [
        status,
        stage,
        votes,
        isConsumed,
      ]),
    );
    // What is refused changes nothing.
    if (expected !== 'ok') expect(after).toEqual(before);
  }

  /** Does it; gives the answer, if it is a request. */
  private async act(
    { name, voter }: ApprovalOperation,
    { id, digest }: ApprovalBody,
  ): Promise<Answer | undefined> {
    const { requester, task } = this.matter;
    const by = this.voters[voter] ?? requester;
    switch (name) {
      case 'ask':
        return requester.post('/approvals', { task_id: task, ...this.ask });
      case 'approve':
        return by.post(`/approvals/${id}/decision`, { decision: 'approved' });
      case 'reject':
        return by.post(`/approvals/${id}/decision`, { decision: 'rejected', comments: 'no' });
      case 'withdraw':
      case 'resubmit':
        return requester.post(`/approvals/${id}/${name}`, {});
      case 'consume':
        return requester.post(`/approvals/${id}/consume`, { digest });
      case 'cancel':
        return requester.post(`/tasks/${task}/cancel`, {});
      case 'lapse':
        await mesh.query(
          `UPDATE approvals SET expires_at = clock_timestamp() - interval '1 second'
            WHERE id = $1 AND status = 'pending'`,
          [id],
        );
        return undefined;
    }
  }
}
