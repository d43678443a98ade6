import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { newSubject, startTestApp, tokenFor } from '../../support/app.js';
import { type ApprovalBody, Matter } from '../../support/approvals.js';
import type { Answer, Client } from '../../support/client.js';
import { expectProblem, times, useTwoApps } from '../../support/kit.js';
import { patient } from '../../support/patience.js';
import { waitAndDisconnect, waitingAt } from '../../support/waiting.js';

/** An event follows its change within milliseconds; the rest is room for a busy machine. */
const SOON_MS = 900;

describe('GET /approvals/:id with wait_seconds', () => {
  const [one, two] = useTwoApps({ DATABASE_POOL_SIZE: '2' });

  const etagOf = (answer: Answer): string => answer.headers.get('etag') ?? '';

  const wait = (by: Client, id: string, query: string, tag?: string) =>
    by.get<ApprovalBody>(
      `/approvals/${id}?${query}`,
      tag ? { headers: { 'if-none-match': tag } } : {},
    );

  const requesterAt = (matter: Matter, mesh = two) =>
    matter.agent(matter.from, newSubject('agent'), mesh);

  it.each<[string, (matter: Matter, id: string) => Promise<unknown>, Record<string, unknown>]>([
    ['approval', (matter, id) => matter.decide(id), { status: 'approved' }],
    ['rejection', (matter, id) => matter.decide(id, 'rejected'), { status: 'rejected' }],
    [
      'withdrawal',
      (matter, id) => matter.requester.post(`/approvals/${id}/withdraw`, {}),
      { status: 'withdrawn' },
    ],
    [
      'delegation',
      (matter, id) =>
        matter
          .agent(matter.board)
          .post(`/approvals/${id}/delegate`, { role: 'deputy', reason: 'On leave' }),
      { status: 'pending', approver_role: 'deputy' },
    ],
    [
      'claim of its task',
      (matter) => matter.claim(),
      { task: expect.objectContaining({ status: 'active' }) },
    ],
  ])('ends soon after the %s, on every instance', async (_change, act, expected) => {
    const matter = await Matter.open(one);
    const id = await matter.ask();
    // With the version from before, the wait can begin before or after the change.
    const tag = etagOf(await matter.requester.get(`/approvals/${id}`));
    const waiting = [one, two].map((mesh) =>
      wait(requesterAt(matter, mesh), id, 'wait_seconds=20', tag),
    );
    await Promise.all([waitingAt(one, 1), waitingAt(two, 1)]);
    await act(matter, id);
    const start = performance.now();
    const answers = await Promise.all(waiting);
    expect(performance.now() - start).toBeLessThan(patient(SOON_MS));
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([200, expect.objectContaining(expected)]);
    }
    expect(new Set(answers.map(etagOf)).size).toBe(1);
  });

  it('ends after a vote below the quorum', async () => {
    const matter = await Matter.open(one);
    const id = await matter.ask({ quorum: 2 });
    const tag = etagOf(await matter.requester.get(`/approvals/${id}`));
    const waiting = wait(requesterAt(matter), id, 'wait_seconds=20', tag);
    await waitingAt(two, 1);
    await matter.decide(id);
    expect((await waiting).body).toMatchObject({ status: 'pending', votes: 1 });
  });

  it('ends when the approval expires, before the sweep', async () => {
    const matter = await Matter.open(one);
    const id = await matter.ask({ expires_in_seconds: 60 });
    await one.query(
      `UPDATE approvals SET expires_at = clock_timestamp() + interval '1 second' WHERE id = $1`,
      [id.replace('approval-', '')],
    );
    const start = performance.now();
    const answer = await wait(requesterAt(matter), id, 'wait_seconds=20');
    expect(answer.body.status).toBe('expired');
    expect(performance.now() - start).toBeLessThan(patient(4_000));
  });

  it('ends at once when the approval is decided; If-None-Match waits for its consumption', async () => {
    const matter = await Matter.open(one);
    const { worker } = await matter.claim();
    const id = await matter.ask({ payload: { amount: 1 } }, worker);
    const { digest } = (await matter.decide(id)).body;
    const start = performance.now();
    const first = await wait(matter.requester, id, 'wait_seconds=25');
    expect(first.body.status).toBe('approved');
    expect(performance.now() - start).toBeLessThan(patient(SOON_MS));
    const waiting = wait(requesterAt(matter), id, 'wait_seconds=20', etagOf(first));
    await waitingAt(two, 1);
    expect((await worker.post(`/approvals/${id}/consume`, { digest })).status).toBe(200);
    expect((await waiting).body.consumed_at).not.toBeNull();
  });

  it('304, or the approval, when nothing has changed', async () => {
    const matter = await Matter.open(one);
    const id = await matter.ask();
    const tag = etagOf(await matter.requester.get(`/approvals/${id}`));
    expect(tag).toMatch(/^W\/"[\w-]{22}"$/);
    const tags = [tag, '*', undefined];
    const waiting = tags.map((each) => wait(matter.requester, id, 'wait_seconds=1', each));
    const answers = await Promise.all(waiting);
    expect(answers.map(({ status }) => status)).toEqual([304, 304, 200]);
    expect(answers.map(etagOf)).toEqual([tag, tag, tag]);
    expect((await wait(matter.requester, id, '', tag)).status).toBe(304);
  });

  it('every waiting request receives the outcome of a race of two approvers', async () => {
    const matter = await Matter.open(one);
    const id = await matter.ask();
    const waiting = times(20, (n) =>
      wait(requesterAt(matter, n % 2 ? one : two), id, 'wait_seconds=20'),
    );
    await Promise.all([waitingAt(one, 10), waitingAt(two, 10)]);
    const decided = await Promise.all([matter.decide(id), matter.decide(id, 'rejected')]);
    const [winner] = decided.filter(({ status }) => status === 200);
    const statuses = (await Promise.all(waiting)).map(({ body }) => body.status);
    expect(new Set(statuses)).toEqual(new Set([winner?.body.status]));
  });

  it.each(['wait_seconds=26', 'wait_seconds=-1', 'wait_seconds=', 'until=finished', 'wait=5'])(
    '400 with %s',
    async (query) => {
      const matter = await Matter.open(one);
      const id = await matter.ask();
      expectProblem(await wait(matter.requester, id, query), 400, 'request.invalid');
    },
  );

  it('404 unless the caller can read the approval', async () => {
    const matter = await Matter.open(one);
    const id = await matter.ask();
    const start = performance.now();
    const stranger = matter.agent(newSubject('stranger'));
    expectProblem(await wait(stranger, id, 'wait_seconds=25'), 404, 'approval.not_found');
    const missing = await wait(matter.requester, randomUUID(), 'wait_seconds=25');
    expectProblem(missing, 404, 'approval.not_found');
    expect(performance.now() - start).toBeLessThan(patient(2 * SOON_MS));
  });

  it('404 after the wait for a caller that no longer may read the approval', async () => {
    const matter = await Matter.open(one);
    const id = await matter.ask();
    const board = matter.agent(matter.board, newSubject('agent'), two);
    const tag = etagOf(await board.get(`/approvals/${id}`));
    const waiting = wait(board, id, 'wait_seconds=20', tag);
    await waitingAt(two, 1);
    await one.query(
      `UPDATE approvals SET approver_role = 'other', stages = '{other}' WHERE id = $1`,
      [id.replace('approval-', '')],
    );
    expect((await matter.requester.post(`/approvals/${id}/withdraw`, {})).status).toBe(200);
    expectProblem(await waiting, 404, 'approval.not_found');
  });

  it('ends at once when the client disconnects', async () => {
    const matter = await Matter.open(one);
    const path = `/approvals/${await matter.ask()}?wait_seconds=25`;
    expect(await waitAndDisconnect(two, path, tokenFor(matter.from))).toBeLessThan(
      patient(2 * SOON_MS),
    );
  });

  it('ends at once, with the present state, when the controller stops', async () => {
    const mesh = await startTestApp({ databaseUrl: one.databaseUrl });
    const matter = await Matter.open(one);
    const id = await matter.ask();
    const waiting = wait(requesterAt(matter, mesh), id, 'wait_seconds=25');
    await waitingAt(mesh, 1);
    const start = performance.now();
    const closing = mesh.close();
    expect((await waiting).body.status).toBe('pending');
    expect(performance.now() - start).toBeLessThan(patient(SOON_MS));
    await closing;
  });
});
