import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { type ApprovalPage, requestApproval, routeFlow } from '../../support/approval-requests.js';
import { useSharedApp, expectProblem } from '../../support/kit.js';

describe('GET /approvals', () => {
  const mesh = useSharedApp();

  it('/:id: 200 for participants, admins and auditors, 404 for others', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    for (const role of [flow.from, flow.to, approver, 'auditor', 'admin']) {
      for (const form of [id, id.slice('approval-'.length)])
        expect((await mesh.agent(role).get(`/approvals/${form}`)).status).toBe(200);
    }
    const foreign = await mesh.agent(newSubject('stranger')).get(`/approvals/${id}`);
    const missing = await mesh.agent(flow.from).get(`/approvals/${randomUUID()}`);
    expectProblem(foreign, 404, 'approval.not_found');
    expectProblem(missing, 404, 'approval.not_found');
    expect(foreign.body.detail).toBe(missing.body.detail);
  });

  it.each(['x', `task-${randomUUID()}`])('/:id: 400 with the id %s', async (id) => {
    expectProblem(await mesh.agent('manager').get(`/approvals/${id}`), 400, 'request.invalid');
  });

  it('filters by status, role and task, newest first', async () => {
    const flow = await routeFlow(mesh);
    const [one, two] = [newSubject('one'), newSubject('two')];
    const ids = [await requestApproval(mesh, flow, one), await requestApproval(mesh, flow, two)];
    await mesh.agent(one).post(`/approvals/${ids[0] ?? ''}/decision`, { decision: 'approved' });
    const list = async (client: Client, query: string) =>
      (await client.get<ApprovalPage>(`/approvals?${query}`)).body.approvals.map(
        ({ id }) => `approval-${id}`,
      );
    const requester = mesh.agent(flow.from);
    expect(await list(requester, '')).toEqual([ids[1], ids[0]]);
    expect(await list(requester, 'status=pending')).toEqual([ids[1]]);
    expect(await list(requester, `approver_role=${one}`)).toEqual([ids[0]]);
    expect(await list(requester, `task_id=${flow.task}&status=approved`)).toEqual([ids[0]]);
    expect(await list(requester, `task_id=${randomUUID()}`)).toEqual([]);
    expect(await list(mesh.agent('auditor'), `task_id=${flow.task}`)).toHaveLength(2);
    expect(await list(mesh.agent(newSubject('stranger')), `task_id=${flow.task}`)).toEqual([]);
  });

  it('returns every approval once by cursor', async () => {
    const flow = await routeFlow(mesh);
    const made: string[] = [];
    for (let i = 0; i < 7; i++)
      made.unshift(await requestApproval(mesh, flow, newSubject('approver')));
    await mesh.query(
      `UPDATE approvals SET created_at = date_trunc('hour', now()) WHERE task_id = $1`,
      [flow.task.slice('task-'.length)],
    );
    const seen: string[] = [];
    let more = '';
    do {
      const { body } = await mesh
        .agent(flow.from)
        .get<ApprovalPage>(`/approvals?page_size=3${more}`);
      seen.push(...body.approvals.map(({ id }) => `approval-${id}`));
      more = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
      await requestApproval(mesh, flow, newSubject('later'));
    } while (more !== '');
    expect(seen.filter((id) => made.includes(id))).toHaveLength(7);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it.each([
    'status=done',
    'status=',
    'task_id=x',
    'approver_role=',
    'cursor=x',
    'page=1',
    'page_size=0',
    'unknown=1',
  ])('400 with ?%s', async (query) => {
    expectProblem(await mesh.agent('manager').get(`/approvals?${query}`), 400, 'request.invalid');
  });
});
