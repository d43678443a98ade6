import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { insertTasks } from '../../support/insert-tasks.js';
import { routeTask, useSharedApp } from '../../support/kit.js';

interface Overview {
  counted_to: number;
  tasks: { pending: number; active: number; dead: number };
  approvals: { pending: number; waiting_for_me: number };
  roles: {
    role: string;
    pending: number;
    active: number;
    approvals: number;
    oldest_pending_at: string | null;
  }[];
  hours: { start: string; routed: number }[];
  decisions: { count: number; median_seconds: number | null };
  leases_lost: number;
}

describe('GET /overview', () => {
  const mesh = useSharedApp();
  const overviewOf = async (...roles: string[]): Promise<Overview> => {
    const { status, body } = await mesh.agent(roles).get('/overview');
    expect(status).toBe(200);
    return body as unknown as Overview;
  };
  const routedIn = ({ hours }: Overview): number =>
    hours.reduce((sum, hour) => sum + hour.routed, 0);
  const newRoles = () =>
    ['finance', 'manager', 'legal'].map(newSubject) as [string, string, string];

  /** A task of finance for manager with an approval that legal decides. */
  async function routeWithApproval(): Promise<[string, string, string, task: string, id: string]> {
    const [finance, manager, legal] = newRoles();
    const task = await routeTask(mesh, finance, manager);
    const asked = { task_id: task, approver_role: legal };
    const { body } = await mesh.agent(finance).post<{ approval_id: string }>('/approvals', asked);
    return [finance, manager, legal, task, body.approval_id];
  }

  it('counts a task once for each of its participants, and not for others', async () => {
    const [finance, manager, legal] = await routeWithApproval();
    for (const roles of [[finance], [manager], [legal], [finance, manager, legal]]) {
      const overview = await overviewOf(...roles);
      expect(overview.tasks).toEqual({ pending: 1, active: 0, dead: 0 });
      expect(overview.approvals.pending).toBe(1);
      expect(routedIn(overview)).toBe(1);
    }
    expect(await overviewOf(newSubject('stranger'))).toEqual({
      counted_to: 10_000,
      tasks: { pending: 0, active: 0, dead: 0 },
      approvals: { pending: 0, waiting_for_me: 0 },
      roles: [],
      hours: expect.any(Array),
      decisions: { count: 0, median_seconds: null },
      leases_lost: 0,
    });
  });

  it('lists the queues of the roles of the caller, and all queues for auditors', async () => {
    const [finance, manager, legal, task] = await routeWithApproval();
    const { body } = await mesh.agent(manager).get(`/tasks/${task}`);
    const ofManager = {
      role: manager,
      pending: 1,
      active: 0,
      approvals: 0,
      oldest_pending_at: body.created_at,
    };
    const ofLegal = { role: legal, pending: 0, active: 0, approvals: 1, oldest_pending_at: null };
    expect((await overviewOf(finance)).roles).toEqual([]);
    expect((await overviewOf(manager)).roles).toEqual([ofManager]);
    expect((await overviewOf(legal, manager)).roles).toEqual([ofLegal, ofManager]);
    // Of the roles of all specs of the folder, those with most work.
    expect((await overviewOf('auditor')).roles.length).toBeGreaterThan(1);
  });

  it('counts up to 10,000', async () => {
    const role = newSubject('crowd');
    await insertTasks(mesh, { count: 10_001, role, status: 'pending' });
    const { tasks, roles } = await overviewOf(role);
    expect(tasks.pending).toBe(10_000);
    expect(roles[0]).toMatchObject({ role, pending: 10_000 });
    expect((await overviewOf('admin')).tasks.pending).toBe(10_000);
  });

  it('counts decisions with their median time, and lost leases', async () => {
    const [finance, manager, legal, task, approval] = await routeWithApproval();
    const path = `/approvals/${approval.replace('approval-', '')}/decision`;
    await mesh.agent(legal).post(path, { decision: 'approved' });
    const worker = mesh.agent(manager);
    const claim = await worker.post<{ session: { id: string } }>(`/tasks/${task}/claim`, {});
    const { id } = claim.body.session;
    const failure = { status: 'failed', error: 'The lease ended', retryable: true };
    expect((await worker.put(`/sessions/${id}`, failure)).body).toMatchObject({ status: 'failed' });
    await mesh.query(`UPDATE sessions SET ended_reason = 'lease_lost' WHERE id = $1`, [id]);
    for (const role of [finance, manager, legal]) {
      const { decisions, leases_lost } = await overviewOf(role);
      expect(decisions).toEqual({ count: 1, median_seconds: expect.any(Number) });
      expect(leases_lost).toBe(1);
    }
  });

  it('has the last 24 hours, the present one last', async () => {
    const { hours } = await overviewOf('admin');
    const starts = hours.map(({ start }) => new Date(start).getTime());
    expect(starts).toHaveLength(24);
    const [first = 0, last = 0] = [starts[0], starts.at(-1)];
    expect(last - first).toBe(23 * 3_600_000);
    expect(Math.abs(Date.now() - last)).toBeLessThan(2 * 3_600_000);
  });

  it('counts the approvals that the caller can decide, and no others', async () => {
    const [finance, , legal, task] = await routeWithApproval();
    const waitingOf = async (...roles: string[]) => {
      const { body } = await mesh.agent(roles).get('/me/waiting');
      const { approvals } = await overviewOf(...roles);
      expect(approvals.waiting_for_me).toBe(body.approvals);
      return body;
    };
    expect(await waitingOf(legal)).toEqual({ approvals: 1 });
    expect(await waitingOf(finance)).toEqual({ approvals: 0 });
    expect(await waitingOf('admin')).toEqual({ approvals: 0 });
    // Four eyes: the requester of the approval cannot decide it.
    const requester = mesh.agent([finance, legal], newSubject('both'));
    const own = newSubject('own');
    await requester.post('/approvals', { task_id: task, approver_role: own });
    expect((await mesh.agent([own], newSubject('other')).get('/me/waiting')).body.approvals).toBe(
      1,
    );
  });
});
