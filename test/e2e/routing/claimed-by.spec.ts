import { beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { expectProblem, useSharedApp } from '../../support/kit.js';
import { Team } from '../../support/work.js';

interface Page {
  tasks?: { id: string }[];
  sessions?: { id: string }[];
  total?: number;
  next_cursor: string | null;
}

describe('claimed_by=me', () => {
  const mesh = useSharedApp();
  let team: Team;

  beforeAll(() => {
    team = new Team(mesh);
  });

  /** The ids of a list, page by page. */
  async function list(agent: Client, path: string): Promise<string[]> {
    const { status, body } = await agent.get<Page>(path);
    expect(status).toBe(200);
    const ids = (body.tasks ?? body.sessions ?? []).map(({ id }) => id);
    if (body.next_cursor === null) return ids;
    const first = path.replace(/&cursor=.*/, '');
    return [...ids, ...(await list(agent, `${first}&cursor=${body.next_cursor}`))];
  }

  const claim = async (worker: Client): Promise<{ task: string; session: string }> => {
    await team.route();
    const { task, session } = await team.claim(worker);
    return { task: task.id, session: session.id };
  };

  it('lists the tasks and sessions that the caller claimed, newest first, and of no other agent', async () => {
    const [worker, colleague] = [team.worker(), team.worker()];
    const held = [await claim(worker), await claim(worker), await claim(worker)].reverse();
    const other = await claim(colleague);
    await team.route();
    for (const size of [1, 20]) {
      const tasks = await list(worker, `/tasks?claimed_by=me&page_size=${size}`);
      expect(tasks).toEqual(held.map(({ task }) => task));
      const sessions = await list(worker, `/sessions?claimed_by=me&page_size=${size}`);
      expect(sessions).toEqual(held.map(({ session }) => session));
    }
    expect(await list(colleague, '/tasks?claimed_by=me')).toEqual([other.task]);
    expect(await list(team.worker(), '/tasks?claimed_by=me')).toEqual([]);
    expect(await list(team.requester, '/sessions?claimed_by=me')).toEqual([]);
    expect((await worker.get<Page>('/sessions?claimed_by=me')).body.total).toBe(3);
  });

  it('with status=active lists those that the caller holds', async () => {
    const worker = team.worker();
    const [done, failed, held] = [await claim(worker), await claim(worker), await claim(worker)];
    await worker.put(`/sessions/${done.session}`, { status: 'completed' });
    await worker.put(`/sessions/${failed.session}`, {
      status: 'failed',
      error: 'no',
      retryable: false,
    });
    const ofStatus = async (status: string): Promise<string[][]> => [
      await list(worker, `/tasks?claimed_by=me&status=${status}`),
      await list(worker, `/sessions?claimed_by=me&status=${status}`),
    ];
    expect(await ofStatus('active')).toEqual([[held.task], [held.session]]);
    expect(await ofStatus('completed')).toEqual([[done.task], [done.session]]);
    expect(await ofStatus('failed')).toEqual([[failed.task], [failed.session]]);
    expect(await ofStatus('pending')).toEqual([[], []]);
    expect(await list(worker, '/tasks?claimed_by=me')).toHaveLength(3);
  });

  it('lists a task for its latest attempt, a session for each attempt', async () => {
    const [worker, next] = [team.worker(), team.worker()];
    const id = await team.route({ priority: 'high' });
    const { session } = await team.claim(worker);
    await worker.post(`/sessions/${session.id}/release`, {});
    expect(await list(worker, '/tasks?claimed_by=me')).toEqual([]);
    expect(await list(worker, '/sessions?claimed_by=me')).toEqual([session.id]);
    await next.post(`/tasks/${id}/claim`, {});
    expect(await list(worker, '/tasks?claimed_by=me')).toEqual([]);
    expect(await list(next, '/tasks?claimed_by=me')).toEqual([id]);
  });

  it('lists activated sessions', async () => {
    const worker = team.worker();
    const made = await worker.post<{ id: string }>('/sessions', { role: team.role });
    expect(await list(worker, '/sessions?claimed_by=me')).toEqual([]);
    await worker.put(`/sessions/${made.body.id}`, { status: 'active' });
    expect(await list(worker, '/sessions?claimed_by=me&status=active')).toEqual([made.body.id]);
  });

  it('can be combined with each other filter', async () => {
    const [worker, sub] = [newSubject('both'), newSubject('worker')];
    const agent = new Client(mesh.url, tokenFor([team.role, worker], sub));
    const { task, session } = await claim(agent);
    const own = await agent.post<{ id: string }>('/sessions', { role: worker });
    await agent.put(`/sessions/${own.body.id}`, { status: 'active' });
    const { body } = await agent.get<{ trace_id: string }>(`/tasks/${task}`);
    const matching = [
      `to_role=${team.role}`,
      `to_role=${team.role}&status=active`,
      `from_role=${team.requesterRole}`,
      'task_type=review',
      `trace_id=${body.trace_id}`,
      'created_since=2026-01-01T00:00:00Z',
    ];
    for (const filter of matching) {
      expect([filter, await list(agent, `/tasks?claimed_by=me&${filter}`)]).toEqual([
        filter,
        [task],
      ]);
    }
    for (const filter of [
      `to_role=${worker}`,
      `to_role=${team.role}&status=pending`,
      `from_role=${worker}`,
      'task_type=other',
      'created_since=2036-01-01T00:00:00Z',
    ]) {
      expect([filter, await list(agent, `/tasks?claimed_by=me&${filter}`)]).toEqual([filter, []]);
    }
    expect(await list(agent, `/sessions?claimed_by=me&role=${worker}`)).toEqual([own.body.id]);
    expect(await list(agent, `/sessions?claimed_by=me&task_id=${task}`)).toEqual([session]);
  });

  it('does not list what the caller can no longer read, and all of it for an auditor', async () => {
    const sub = newSubject('worker');
    const { task, session } = await claim(new Client(mesh.url, tokenFor(team.role, sub)));
    const former = new Client(mesh.url, tokenFor('finance', sub));
    const auditor = new Client(mesh.url, tokenFor(['finance', 'auditor'], sub));
    expect(await list(former, '/tasks?claimed_by=me')).toEqual([]);
    expect(await list(former, '/sessions?claimed_by=me&status=active')).toEqual([]);
    expect(await list(auditor, '/tasks?claimed_by=me&status=active')).toEqual([task]);
    expect(await list(auditor, '/sessions?claimed_by=me')).toEqual([session]);
  });

  it.each(['/tasks', '/sessions'])('400 with another value on %s', async (path) => {
    const worker = team.worker();
    for (const value of ['', 'you', 'ME', 'agent-mesh-dev%23worker', 'me&claimed_by=me']) {
      const answer = await worker.get(`${path}?claimed_by=${value}`);
      expectProblem(answer, 400, 'request.invalid');
    }
  });
});
