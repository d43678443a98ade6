import { expect } from '@jest/globals';
import type { TestApp } from './app.js';
import { Matter } from './approvals.js';

/** An approval that was granted. */
export interface Granted {
  readonly matter: Matter;
  readonly id: string;
}

/** Requests an approval of a payload, and approves it. */
export async function grantApproval(mesh: TestApp): Promise<Granted> {
  const matter = await Matter.open(mesh);
  const id = await matter.ask({ payload: { amount: 1 } });
  const path = `/approvals/${id}/decision`;
  const answer = await matter.agent(matter.board).post(path, { decision: 'approved' });
  expect(answer.status).toBe(200);
  return { matter, id };
}

/** The receipt of an approval, as soon as its decision is sealed. */
export async function sealedReceipt({ matter, id }: Granted): Promise<Buffer> {
  const answer = await matter.requester.open(`/approvals/${id}/receipt?wait_seconds=20`);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}
