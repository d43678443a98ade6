import { expect } from '@jest/globals';
import type { TestApp } from './app.js';
import { type ApprovalBody, Matter, outcomesOf } from './approvals.js';
import { times } from './kit.js';
import type { Answer } from './client.js';

const DECIDERS = 50;

/**
 * Lets 50 approvers decide each of `count` approvals at once, half of them on the other process: each is decided once,
 * by as many votes as the quorum says, and everybody else is told that it is.
 */
export async function voteConcurrently(
  meshes: readonly [TestApp, TestApp],
  quorum: number,
  count: number,
): Promise<void> {
  for (let round = 0; round < count; round++) {
    const matter = await Matter.open(meshes[0]);
    const id = await matter.ask({ quorum });
    const answers = await Promise.all(
      times(DECIDERS, (n) => vote(matter, id, meshes[n % 2 ? 1 : 0])),
    );
    expect(outcomesOf(answers)).toEqual([
      ...times(DECIDERS - quorum, () => 'approval.decided'),
      ...times(quorum, () => 'ok'),
    ]);
    expect(await matter.get(id)).toMatchObject({ status: 'approved', votes: quorum });
    const events = await matter.events(id);
    expect(events.filter((event) => event === 'approval_decided')).toHaveLength(1);
    expect(events.filter((event) => event === 'approval_voted')).toHaveLength(quorum - 1);
  }
}

function vote(matter: Matter, id: string, mesh: TestApp): Promise<Answer<ApprovalBody>> {
  return matter.decide(id, 'approved', matter.agent(matter.board, undefined, mesh));
}
