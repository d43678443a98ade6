import { beforeEach, describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { eventually } from '../../support/eventually.js';
import { useApp } from '../../support/kit.js';
import { statementsOf } from '../../support/query-plans.js';
import { finish, Team } from '../../support/work.js';

describe('GET /metrics of open tasks', () => {
  const mesh = useApp();
  let team: Team;

  beforeEach(() => {
    team = new Team(mesh);
  });

  const read = async () => (await team.agent('auditor').get('/metrics')).text;
  /** The value of a series of the role; undefined if there is none. */
  const valueIn = (text: string, name: string, labels = '') => {
    const line = text
      .split('\n')
      .find((each) => each.startsWith(`${name}{role="${team.role}"${labels}} `));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
  };
  /** Reads the metrics until the values of the last seconds have ended. */
  const metricsWhen = (isExpected: (text: string) => boolean) => eventually(read, isExpected);
  const openIn = (text: string) =>
    ['pending', 'active'].map((status) => valueIn(text, 'mesh_tasks_open', `,status="${status}"`));
  const age = (where: string, seconds: number) =>
    mesh.query(
      `UPDATE sessions SET created_at = created_at - make_interval(secs => ${seconds}) WHERE ${where}`,
      [team.role],
    );

  it('count open tasks by role and status', async () => {
    await team.route();
    await team.route();
    const { session } = await team.claim();
    const text = await metricsWhen((found) => openIn(found)[1] === 1);
    expect(openIn(text)).toEqual([1, 1]);

    await finish(team.agent('admin'), session.id, { status: 'completed' });
    const later = await metricsWhen((found) => openIn(found)[1] === undefined);
    expect(openIn(later)).toEqual([1, undefined]);
  });

  it('show the age of the oldest due task, and not that of a task that is due later', async () => {
    await team.route({ not_before: new Date(Date.now() + 3_600_000).toISOString() });
    const scheduled = await metricsWhen((found) => openIn(found)[0] === 1);
    expect(openIn(scheduled)).toEqual([1, undefined]);
    for (const name of ['mesh_task_oldest_age_seconds', 'mesh_role_unclaimed_seconds'])
      expect(valueIn(scheduled, name)).toBeUndefined();

    for (const priority of ['low', 'high', 'normal']) await team.route({ priority });
    await age(`role = $1 AND not_before IS NULL AND priority = 0`, 600);
    const text = await metricsWhen((found) => openIn(found)[0] === 4);
    expect(valueIn(text, 'mesh_task_oldest_age_seconds')).toBeGreaterThanOrEqual(600);
    expect(valueIn(text, 'mesh_task_oldest_age_seconds')).toBeLessThan(700);
    expect(valueIn(text, 'mesh_role_unclaimed_seconds')).toBeGreaterThanOrEqual(600);
  });

  it('show the time since the last claim or activation of a role with due tasks', async () => {
    const unclaimed = (text: string) => valueIn(text, 'mesh_role_unclaimed_seconds');
    for (let routed = 0; routed < 3; routed++) await team.route();
    await age('role = $1', 600);
    expect(unclaimed(await metricsWhen((found) => openIn(found)[0] === 3))).toBeGreaterThan(599);

    await team.claim();
    const claimed = await metricsWhen((found) => openIn(found)[0] === 2);
    expect(unclaimed(claimed)).toBeLessThan(300);
    expect(valueIn(claimed, 'mesh_task_oldest_age_seconds')).toBeGreaterThan(599);

    const other = new Team(mesh);
    const id = await other.route();
    await other.route();
    const { body } = await other.worker().get<{ id: string }>(`/sessions/task-${id}`);
    await other.worker().put(`/sessions/${body.id}/events`, { event: 'activate' });
    team = other;
    await age(`role = $1 AND status = 'pending'`, 600);
    const activated = await metricsWhen((found) => openIn(found)[1] === 1);
    expect(unclaimed(activated)).toBeLessThan(300);
  });

  it('show paused roles', async () => {
    const admin = team.agent('admin');
    await admin.post(`/roles/${team.role}/pause`, { reason: 'x' });
    const paused = (text: string) => valueIn(text, 'mesh_role_paused');
    expect(paused(await metricsWhen((found) => paused(found) === 1))).toBe(1);
    await admin.post(`/roles/${team.role}/resume`, {});
    expect(paused(await metricsWhen((found) => paused(found) === undefined))).toBeUndefined();
  });

  it('have the role of the attempt on the time in the inbox', async () => {
    await team.route();
    await team.claim();
    expect(valueIn(await read(), 'mesh_task_inbox_wait_seconds_count')).toBe(1);
  });

  it('name at most 100 roles', async () => {
    const crowd = newSubject('crowd');
    await mesh.query(
      `WITH routed AS (
         INSERT INTO tasks (id, task_type, description, from_role, to_role, trace_id, idempotency_key, created_by)
         SELECT gen_random_uuid(), 'x', '', 'finance', $1 || n, gen_random_uuid(), gen_random_uuid(), 'many'
           FROM generate_series(1, 150) n RETURNING id, to_role, trace_id)
       INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, attempt, attempts_left)
       SELECT gen_random_uuid(), to_role, id, 'pending', trace_id, 'many', 1, 2 FROM routed`,
      [crowd],
    );
    const text = await metricsWhen((found) => found.includes('mesh_tasks_open{role="other"'));
    for (const name of ['mesh_task_oldest_age_seconds', 'mesh_role_unclaimed_seconds'])
      expect(text.split('\n').filter((line) => line.startsWith(`${name}{`))).toHaveLength(101);
    await mesh.query(
      `UPDATE sessions SET status = 'expired', ended_reason = 'cancelled' WHERE role LIKE $1`,
      [`${crowd}%`],
    );
  });

  it('are read once for scrapes within some seconds', async () => {
    const statements = await statementsOf(mesh, async () => {
      for (let scraped = 0; scraped < 5; scraped++) await read();
    });
    expect(statements.filter(({ text }) => text.includes('oldest_seconds')).length).toBeLessThan(3);
  });
});
