import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/auth/actor.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { LifecycleService } from '../../../src/lifecycle/lifecycle.service.js';
import type { SessionChange } from '../../../src/lifecycle/session-transition.js';
import type { Session } from '../../../src/sessions/session.entity.js';
import type { TestApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { eventually } from '../../support/eventually.js';
import { useTeams } from '../../support/use-teams.js';
import { finish, type Team, type Written } from '../../support/work.js';

describe('a write that follows a concurrent write of the session', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;
  let task: string;
  let id: string;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  beforeEach(async () => {
    task = await team.route();
    ({ id } = (await team.claim(worker)).session);
  });

  /** Has a write wait for another one, which it has not seen yet, and gives its answer. */
  async function overtakenBy<T>(change: SessionChange, write: () => Promise<T>): Promise<T> {
    const [session] = await mesh.query<Session>(`SELECT * FROM sessions WHERE id = $1`, [id]);
    if (!session) throw new Error('it is stored');
    let answer: Promise<T> | undefined;
    await mesh.app.get(TransactionsService).run(async (manager) => {
      await mesh.app.get(LifecycleService).change(manager, session, change, SYSTEM);
      answer = write();
      const waiting = await eventually(writersWaiting, (count) => count > 0);
      expect(waiting).toBe(1);
    });
    if (!answer) throw new Error('it was sent');
    return answer;
  }

  async function writersWaiting(): Promise<number> {
    const [row] = await mesh.query<{ count: number }>(
      `SELECT count(*)::integer AS count FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return row?.count ?? 0;
  }

  it.each([
    ['without a key', {}],
    ['with a key', { 'idempotency-key': randomUUID() }],
  ])('applies to the new version, %s', async (_, headers) => {
    const answer = await overtakenBy({ metadata: { note: 'first' } }, () =>
      worker.put<Written>(`/sessions/${id}`, { status: 'completed' }, headers),
    );

    expect([answer.status, answer.body]).toMatchObject([
      200,
      { status: 'completed', version: 4, metadata: { note: 'first' } },
    ]);
    expect(await team.events(task)).toEqual([
      'task_routed',
      'task_claimed',
      'session_updated',
      'session_transitioned completed',
    ]);
  });

  it('409 when the session has ended, without an event', async () => {
    const answer = await overtakenBy({ status: 'failed' }, () =>
      finish(worker, id, { status: 'completed' }),
    );

    expect([answer.status, answer.body.detail]).toEqual([
      409,
      'Invalid transition from failed to completed',
    ]);
    expect((await team.events(task)).at(-1)).toBe('session_transitioned worker');
  });

  it('412 when it names the previous version', async () => {
    const answer = await overtakenBy({ metadata: { note: 'first' } }, () =>
      worker.put<Written>(`/sessions/${id}`, { metadata: {} }, { 'if-match': `"${id}.2"` }),
    );

    expect(answer.status).toBe(412);
  });

  it.each(['heartbeat', 'release'])('409 when the task was cancelled: %s', async (what) => {
    const answer = await overtakenBy({ status: 'failed', ended_reason: 'cancelled' }, () =>
      worker.post(`/sessions/${id}/${what}`, {}),
    );

    expect([answer.status, answer.body.code]).toEqual([409, 'task.cancelled']);
    expect((await team.task(task)).status).toBe('cancelled');
  });
});
