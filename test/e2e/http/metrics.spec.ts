import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { eventually } from '../../support/eventually.js';
import { useSharedApp } from '../../support/kit.js';

describe('GET /metrics', () => {
  const mesh = useSharedApp();

  /** The samples whose name and labels contain all of `parts`, added up. */
  async function measured(...parts: string[]): Promise<number> {
    const { text, status } = await mesh.agent('auditor').get('/metrics');
    expect(status).toBe(200);
    return text
      .split('\n')
      .filter((line) => !line.startsWith('#') && parts.every((part) => line.includes(part)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  it('403 for a role other than auditor and admin, 401 without a token', async () => {
    for (const role of ['auditor', 'admin']) {
      const answer = await mesh.agent(role).get('/metrics');
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toContain('text/plain');
      expect(answer.text).toContain('process_cpu_seconds_total');
    }
    expect((await mesh.agent('finance').get('/metrics')).status).toBe(403);
    expect((await new Client(mesh.url).get('/metrics')).status).toBe(401);
  });

  it('counts requests by route, not by id', async () => {
    const [route, ok] = ['route="/sessions/:id"', 'status="404"'];
    const count = () => measured('http_request_duration_seconds_count', 'method="GET"', route, ok);
    const before = await count();
    const ids = Array.from({ length: 5 }, () => randomUUID());
    await Promise.all(ids.map((id) => mesh.agent('finance').get(`/sessions/${id}`)));
    const after = await eventually(count, (counted) => counted === before + 5);
    expect(after).toBe(before + 5);
    const { text } = await mesh.agent('auditor').get('/metrics');
    for (const id of ids) expect(text).not.toContain(id);
  });

  it('counts requests to unknown routes under one name', async () => {
    const path = `/nowhere/${randomUUID()}`;
    await mesh.agent('finance').get(path);
    const count = () => measured('http_request_duration_seconds_count', 'route="none"');
    expect(await eventually(count, (counted) => counted > 0)).toBeGreaterThan(0);
    expect(await measured(path)).toBe(0);
  });

  it('does not count events that agents report', async () => {
    const metadata = {
      ...{ from: newSubject('from'), to: newSubject('to'), reason: 'lease_lost', dead: true },
      ...{ decision: 'approved', waited_seconds: 1, pending_seconds: 1 },
    };
    const counts = () =>
      Promise.all([
        measured('mesh_session_transitions_total'),
        measured('mesh_leases_lost_total'),
        measured('mesh_tasks_dead_total'),
        measured('mesh_task_inbox_wait_seconds_count'),
        measured('mesh_approval_decision_seconds_count'),
      ]);
    const before = await counts();
    const report = { source: 'bot', category: 'session_transitioned', action: 'x', metadata };
    expect((await mesh.agent('finance').post('/audit/ingest', report)).status).toBe(202);
    expect(await counts()).toEqual(before);
    expect(await measured(metadata.from)).toBe(0);
  });

  it('counts routed tasks, transitions, decisions and denied calls after their commit', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const counts = () =>
      Promise.all([
        measured('mesh_tasks_routed_total'),
        measured('mesh_session_transitions_total', 'from="pending"', 'to="active"'),
        measured('mesh_session_transitions_total', 'from="active"', 'to="completed"'),
        measured('mesh_approval_decisions_total', 'decision="approved"'),
        measured('mesh_access_denied_total'),
      ]);
    const before = await counts();

    const routed = await mesh.agent(from).post<{ task_id: string }>('/tasks/route', {
      target: to,
      task: { task_type: 'x' },
    });
    const { task_id } = routed.body;
    const worker = mesh.agent(to);
    const { body } = await worker.get<{ id: string }>(`/sessions/${task_id}`);
    await worker.put(`/sessions/${body.id}`, { status: 'active' });
    await worker.put(`/sessions/${body.id}`, { status: 'active' });
    await worker.post('/approvals', { task_id, decision: 'approved' });
    await worker.post('/approvals', { task_id, decision: 'approved' });
    await mesh.agent(to).put(`/sessions/${body.id}`, { status: 'completed' });
    await worker.put(`/sessions/${body.id}`, { status: 'completed' });
    await worker.put(`/sessions/${body.id}`, { status: 'failed' });
    await mesh.agent(from).put(`/sessions/${body.id}`, { status: 'active' });
    await mesh.agent(from).post('/tasks/route', { target: 'admin', task: { task_type: 'x' } });

    expect(await counts()).toEqual(before.map((count) => count + 1));
  });
});
