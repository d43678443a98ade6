import { describe, expect, it } from '@jest/globals';
import type { TestApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { useTeams } from '../../support/use-teams.js';
import { repeat, type Team, type Written } from '../../support/work.js';

const LIMIT = 100;

describe('a release of a claim that did not reach its client', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  async function release(body: Record<string, unknown>): Promise<[number, string | undefined]> {
    const { session } = await team.claim(worker);
    const released = await worker.post<Written>(`/sessions/${session.id}/release`, body);
    return [released.status, released.body.code];
  }

  const undelivered = () => release({ undelivered: true });

  it('does not count toward the limit of releases, before or after it is reached', async () => {
    const id = await team.route();
    await repeat(LIMIT + 1, async () => {
      expect(await undelivered()).toEqual([200, undefined]);
    });
    await repeat(LIMIT, async () => {
      expect(await release({})).toEqual([200, undefined]);
    });
    expect(await undelivered()).toEqual([200, undefined]);
    expect(await release({ undelivered: false })).toEqual([409, 'task.release_limit']);
    expect((await team.task(id)).status).toBe('active');
  }, 120_000);

  it('is recorded as such, and keeps the place and the attempts of the task', async () => {
    const [first] = [await team.route({ max_attempts: 2 }), await team.route()];
    expect(await undelivered()).toEqual([200, undefined]);
    const rows = await mesh.query<{ undelivered: unknown }>(
      `SELECT metadata -> 'undelivered' AS undelivered FROM audit_events
        WHERE task_id = $1 AND event_type = 'task_released'`,
      [first],
    );
    expect(rows).toEqual([{ undelivered: true }]);
    const left = await mesh.query<{ attempts_left: number }>(
      'SELECT attempts_left FROM sessions WHERE task_id = $1 ORDER BY attempt',
      [first],
    );
    expect(left).toEqual([{ attempts_left: 1 }, { attempts_left: 1 }]);
    expect((await team.claim(worker)).task.id).toBe(first);
  });

  it('is refused where undelivered is no boolean', async () => {
    await team.route();
    expect(await release({ undelivered: 'yes' })).toEqual([400, 'request.invalid']);
  });
});
