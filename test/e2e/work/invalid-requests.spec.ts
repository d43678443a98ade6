import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Team } from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

const AN_HOUR_AGO = new Date(Date.now() - 3_600_000).toISOString();

const FIFTY_ONE = Array.from({ length: 51 }, () => 'review');

interface Inbox {
  tasks: unknown[];
}

type Paths = Record<string, Partial<Record<string, { responses: Record<string, unknown> }>>>;

describe('invalid routes and claims', () => {
  let team: Team;

  useTeams((aTeam) => {
    team = aTeam;
  });

  async function inbox(): Promise<unknown[]> {
    const path = `/tasks?to_role=${team.role}&status=pending`;
    return (await team.worker().get<Inbox>(path)).body.tasks;
  }

  it.each([
    [{ lease_seconds: 29 }, '/lease_seconds'],
    [{ lease_seconds: 3601 }, '/lease_seconds'],
    [{ lease_seconds: 30.5 }, '/lease_seconds'],
    [{ lease_seconds: '60' }, '/lease_seconds'],
    [{ task_types: [] }, '/task_types'],
    [{ task_types: 'review' }, '/task_types'],
    [{ task_types: [''] }, '/task_types'],
    [{ task_types: [7] }, '/task_types'],
    [{ task_types: FIFTY_ONE }, '/task_types'],
    [{ role: '' }, '/role'],
    [{ hurry: true }, '/hurry'],
  ])('POST /tasks/claim: 400 with %.50j', async (body, pointer) => {
    await team.route();
    const refused = await team
      .worker()
      .post<{ errors: { pointer: string }[] }>('/tasks/claim', body);
    expect(refused.status).toBe(400);
    expect(refused.body.errors[0]?.pointer).toContain(pointer);
    expect(await inbox()).toHaveLength(1);
  });

  it.each([
    [{ deadline_at: AN_HOUR_AGO }, '/deadline_at'],
    [{ deadline_at: 'tomorrow' }, '/deadline_at'],
    [{ not_before: 'tomorrow' }, '/not_before'],
    [{ not_before: '2037-01-01T00:00:00Z', deadline_at: '2036-01-01T00:00:00Z' }, '/not_before'],
    [{ max_attempts: 0 }, '/max_attempts'],
    [{ max_attempts: 101 }, '/max_attempts'],
    [{ priority: 'urgent' }, '/priority'],
    [{ parent_task_id: 'no id' }, '/parent_task_id'],
  ])('POST /tasks/route: 400 with %j', async (more, pointer) => {
    const refused = await team.requester.post('/tasks/route', {
      target: team.role,
      task: { task_type: 'review' },
      ...more,
    });
    expect(refused.status).toBe(400);
    expect(refused.body.errors).toMatchObject([{ pointer }]);
  });

  it('POST /tasks/:id/claim: 403 and 404 for other roles', async () => {
    const id = await team.route();
    const path = `/tasks/${id}/claim`;
    for (const role of [team.requesterRole, 'admin', 'auditor']) {
      const refused = await team.agent(role).post(path, {});
      expect([refused.status, refused.body.code]).toEqual([403, 'auth.forbidden']);
    }
    const stranger = await team.agent('stranger').post(path, {});
    const missing = await team.worker().post(`/tasks/${randomUUID()}/claim`, {});
    expect([stranger.status, stranger.body.code, stranger.body.detail]).toEqual([
      404,
      'task.not_found',
      missing.body.detail,
    ]);
    const notHeld = await team.agent('stranger').post('/tasks/claim', { role: team.role });
    expect([notHeld.status, notHeld.body.code]).toEqual([403, 'auth.role_not_held']);
    expect(await inbox()).toHaveLength(1);
  });

  it('docs/openapi.json lists the routes with their errors', async () => {
    const { body } = await team.requester.get<{ paths: Paths }>('/api-docs/openapi.json');
    const statuses = (path: string, method: 'get' | 'post'): string[] =>
      Object.keys(body.paths[path]?.[method]?.responses ?? {}).sort();
    expect(statuses('/tasks/route', 'post')).toEqual(expect.arrayContaining(['202', '404', '422']));
    expect(statuses('/tasks/claim', 'post')).toEqual(expect.arrayContaining(['200', '204', '403']));
    for (const path of ['/tasks/{id}/claim', '/tasks/{id}/cancel', '/tasks/{id}/retry']) {
      expect(statuses(path, 'post')).toEqual(expect.arrayContaining(['200', '403', '404', '409']));
    }
    for (const path of ['/sessions/{id}/heartbeat', '/sessions/{id}/release']) {
      expect(statuses(path, 'post')).toEqual(expect.arrayContaining(['200', '403', '404', '409']));
    }
    for (const path of ['/tasks/wait', '/tasks/{id}/tree', '/tasks/{id}/timeline']) {
      expect(statuses(path, 'get')).toContain('200');
    }
  });
});
