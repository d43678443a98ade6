import { setTimeout as sleep } from 'node:timers/promises';
import { NonRetryableError, ReleaseError, RetryableError } from '@agent-mesh/client';
import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { until } from '../../support/eventually.js';
import { times, useApp } from '../../support/kit.js';
import { interceptingFetch, meshClient } from '../../support/mesh-client.js';
import { endLease, sweepLeases } from '../../support/work.js';
import { useWorkerTeams } from '../../support/worker-team.js';

const GONE = 60_000;

describe('A worker', () => {
  const mesh = useApp({ env: { LEASE_MIN_SECONDS: '2', SWEEP_INTERVAL_SECONDS: '1' } });
  const newTeam = useWorkerTeams(mesh);

  it('completes a task with the result of its handler, and holds it longer than one lease', async () => {
    const team = newTeam();
    team.work(async ({ data }) => {
      await sleep(3_500);
      return { doubled: Number(data.amount) * 2 };
    });
    const task = await team.route({ amount: 21 });

    expect(await team.requester.tasks.result(task, { timeoutMs: GONE })).toEqual({ doubled: 42 });
    expect((await team.requester.tasks.get(task)).attempts).toHaveLength(1);
  });

  it('runs as many tasks at the same time as its concurrency', async () => {
    const team = newTeam();
    let now = 0;
    let most = 0;
    team.work(
      async () => {
        most = Math.max(most, ++now);
        await until(() => most >= 3);
        await sleep(100);
        now -= 1;
        return undefined;
      },
      { concurrency: 3 },
    );
    const tasks = await Promise.all(times(9, () => team.route()));
    await Promise.all(tasks.map((task) => team.requester.tasks.result(task, { timeoutMs: GONE })));

    expect(most).toBe(3);
  });

  it.each([
    ['an error', () => new Error('disk full'), ['failed', 'completed']],
    ['a RetryableError', () => new RetryableError('busy'), ['failed', 'completed']],
    ['a ReleaseError', () => new ReleaseError({ reason: 'later' }), ['failed', 'completed']],
    ['a NonRetryableError', () => new NonRetryableError('never'), ['failed']],
  ])('that throws %s ends the attempt', async (_name, error, statuses) => {
    const team = newTeam();
    team.work((_task, { attempt }) => {
      if (attempt === 1) throw error();
      return undefined;
    });
    const task = await team.route();
    const ended = await team.requester.tasks.ended(task, { timeoutMs: GONE });

    expect(ended.attempts.map(({ status }) => status)).toEqual(statuses);
    expect(ended.status).toBe(statuses.at(-1));
  });

  it.each([
    ['an array', [1]],
    ['a result that is too deep', deep(200)],
  ])('fails the task if its handler returns %s', async (_name, result) => {
    const team = newTeam();
    team.work(() => result);
    const ended = await team.requester.tasks.ended(await team.route(), { timeoutMs: GONE });

    expect(ended.status).toBe('failed');
    expect(ended.attempts[0]?.error).toMatch(
      /NonRetryableError: The (handler returned|result was)/,
    );
  });

  it('aborts the signal when the task is cancelled', async () => {
    const team = newTeam();
    const reasons: unknown[] = [];
    team.work(async (_task, { signal }) => {
      await sleep(GONE, undefined, { signal }).catch(() => reasons.push(signal.reason));
      return undefined;
    });
    const task = await team.route();
    await until(() => team.has('claimed'));
    await team.requester.tasks.cancel(task);
    await until(() => team.has('lost'));

    expect(reasons).toMatchObject([{ name: 'TaskCancelledError' }]);
    expect((await team.requester.tasks.get(task)).status).toBe('cancelled');
  });

  it('aborts the signal when the lease is lost, and drops the result', async () => {
    const team = newTeam();
    const reasons: unknown[] = [];
    team.work(
      async (_task, { signal, attempt }) => {
        if (attempt === 1)
          await sleep(GONE, undefined, { signal }).catch(() => reasons.push(signal.reason));
        return { attempt };
      },
      { leaseSeconds: 60 },
    );
    const task = await team.route();
    await until(() => team.has('claimed'));
    const { session_id } = await team.requester.tasks.get(task);
    await endLease(mesh, session_id);
    await sweepLeases(mesh);

    expect(await team.requester.tasks.result(task, { timeoutMs: GONE })).toEqual({ attempt: 2 });
    expect(reasons).toMatchObject([{ name: 'LeaseLostError' }]);
  });

  it('requests, awaits and consumes an approval', async () => {
    const team = newTeam();
    team.work(async ({ data }, ctx) => {
      const granted = await ctx.requestApproval(data, { approverRole: team.approverRole });
      return { by: granted.decided_by, consumed: granted.consumed_at !== null };
    });
    const task = await team.route({ amount: 50_000 });
    await team.decideNext('approved');
    const result = await team.requester.tasks.result(task, { timeoutMs: GONE });

    expect(result).toMatchObject({ consumed: true, by: expect.stringContaining('agent') });
  });

  it('awaits all stages of an approval', async () => {
    const team = newTeam();
    const second = newSubject('cfo');
    team.work(async ({ data }, ctx) => {
      const stages = [team.approverRole, second];
      const { stage } = await ctx.requestApproval(data, { stages });
      return { stage };
    });
    const task = await team.route({ amount: 50_000 });
    await team.decideNext('approved');
    await team.decideNext('approved', meshClient(mesh, second));

    expect(await team.requester.tasks.result(task, { timeoutMs: GONE })).toEqual({ stage: 2 });
  });

  it('fails the task when the approval is rejected', async () => {
    const team = newTeam();
    team.work(async ({ data }, ctx) => {
      await ctx.requestApproval(data, { approverRole: team.approverRole });
      return { paid: true };
    });
    const task = await team.route({ amount: 50_000 });
    await team.decideNext('rejected');
    const ended = await team.requester.tasks.ended(task, { timeoutMs: GONE });

    expect(ended.status).toBe('failed');
    expect(ended.attempts[0]?.error).toContain('is rejected: as it should be');
  });

  it('continues with the approval of an earlier attempt', async () => {
    const team = newTeam();
    team.work(async ({ data }, ctx) => {
      const granted = await ctx.requestApproval(data, { approverRole: team.approverRole });
      if (ctx.attempt === 1) throw new RetryableError('after the consumption');
      return { attempt: ctx.attempt, consumed: granted.consumed_attempt };
    });
    const task = await team.route({ amount: 50_000 });
    await team.decideNext('approved');
    const result = await team.requester.tasks.result(task, { timeoutMs: GONE });

    expect(result).toEqual({ attempt: 2, consumed: 1 });
    expect((await team.requester.tasks.get(task)).approvals).toHaveLength(1);
  });

  it.each([
    ['approved', 'completed'],
    ['rejected', 'failed'],
  ] as const)('waits until a required approval is %s', async (decision, status) => {
    const team = newTeam();
    team.work(() => ({ done: true }));
    const requires_approval = { role: team.approverRole };
    const task = await team.route({}, { requires_approval });
    await until(() => team.has('claimed'));
    await sleep(500);
    await team.decideNext(decision);

    expect(await team.requester.tasks.ended(task, { timeoutMs: GONE })).toMatchObject({ status });
  });

  it('delivers a notification once', async () => {
    const team = newTeam();
    const received: unknown[] = [];
    team.work(
      ({ data }) => {
        received.push(data);
        return undefined;
      },
      {},
      team.client(),
      'notification',
    );
    const { task_id } = await team.requester.tasks.route({
      target: team.role,
      task: { task_type: 'notification', data: { text: 'hello' } },
    });
    await until(() => team.has('completed'));

    expect(received).toEqual([{ text: 'hello' }]);
    expect((await team.requester.tasks.get(task_id)).status).toBe('completed');
  });

  it('that stops finishes its tasks, and extends their leases meanwhile', async () => {
    const team = newTeam();
    const worker = team.work(async () => {
      await sleep(4_000);
      return { finished: true };
    });
    const task = await team.route();
    await until(() => team.has('claimed'));
    const other = await team.route();
    await worker.stop();

    const { status, attempt } = await team.requester.tasks.get(task);
    expect({ status, attempt }).toEqual({ status: 'completed', attempt: 1 });
    expect((await team.requester.tasks.get(other)).status).toBe('pending');
  });

  it('that stops releases the tasks that do not end in time', async () => {
    const team = newTeam();
    const worker = team.work(
      async (_task, { signal }) => {
        await sleep(GONE, undefined, { signal });
        return undefined;
      },
      { graceSeconds: 0.2 },
    );
    const task = await team.route();
    await until(() => team.has('claimed'));
    await worker.stop();

    const { status, attempts } = await team.requester.tasks.get(task);
    expect(status).toBe('pending');
    expect(attempts[0]?.ended_reason).toBe('released');
  });

  it('handles a claim once whose response was lost', async () => {
    const team = newTeam();
    let losses = 0;
    const lossy = interceptingFetch((request) => request === 'POST /tasks/claim', {
      after: async (response) => {
        if (response.status !== 200 || losses++ > 0) return response;
        await response.text();
        throw new TypeError('fetch failed');
      },
    });
    team.work(() => ({ done: true }), {}, team.client({ fetch: lossy }));
    const task = await team.route();
    await team.requester.tasks.result(task, { timeoutMs: GONE });

    expect(losses).toBeGreaterThan(0);
    expect((await team.requester.tasks.get(task)).attempts).toHaveLength(1);
  });

  it.each([
    [503, 'database.unavailable'],
    [429, 'request.rate_limited'],
    [502, undefined],
  ])('tries again when every second request is %d', async (status, code) => {
    const team = newTeam();
    let sent = 0;
    const body = code === undefined ? '<html>' : JSON.stringify({ code, status, detail: 'busy' });
    const busy = interceptingFetch(() => true, {
      before: () =>
        ++sent % 2 ? new Response(body, { status, headers: { 'retry-after': '0' } }) : undefined,
    });
    team.work(
      async ({ data }, ctx) => {
        await ctx.requestApproval(data, { approverRole: team.approverRole });
        return { done: true };
      },
      { leaseSeconds: 30 },
      team.client({ fetch: busy }),
    );
    const task = await team.route({ amount: 1 });
    await team.decideNext('approved');

    expect(await team.requester.tasks.result(task, { timeoutMs: GONE })).toEqual({ done: true });
    expect((await team.requester.tasks.get(task)).approvals).toHaveLength(1);
  });

  it('gets a new token when the controller refuses the present one', async () => {
    const team = newTeam();
    const good = tokenFor(team.role, team.workerSub);
    let current = good;
    let renewals = 0;
    const getToken = ({ rejected }: { rejected?: string } = {}): string => {
      if (rejected !== undefined) {
        renewals += 1;
        current = good;
      }
      return current;
    };
    team.work(
      () => {
        current = `${good}x`;
        return { done: true };
      },
      {},
      team.client({ getToken }),
    );

    expect(await team.requester.tasks.result(await team.route(), { timeoutMs: GONE })).toEqual({
      done: true,
    });
    expect(renewals).toBeGreaterThan(0);
  });

  it('with the identity of another handles each task once', async () => {
    const team = newTeam();
    const handled: string[] = [];
    const handler = async ({ id }: { id: string }) => {
      handled.push(id);
      await sleep(200);
      return undefined;
    };
    team.work(handler, { concurrency: 3 });
    team.work(handler, { concurrency: 3 });
    const tasks = await Promise.all(times(20, () => team.route()));
    await Promise.all(tasks.map((task) => team.requester.tasks.result(task, { timeoutMs: GONE })));

    expect(handled.sort()).toEqual(tasks.sort());
  });

  it.each(['exclusive', 'shared'] as const)(
    'with an %s identity continues with what an earlier process held',
    async (identity) => {
      const team = newTeam();
      const task = await team.route();
      // The earlier process: it claims the task and ends.
      await team.client().tasks.claimNext({ role: team.role, lease_seconds: 8 });
      team.work(() => ({ recovered: true }), { identity, leaseSeconds: 8 });

      expect(await team.requester.tasks.result(task, { timeoutMs: GONE })).toEqual({
        recovered: true,
      });
      expect(team.has('recovered')).toBe(true);
      expect((await team.requester.tasks.get(task)).attempts).toHaveLength(1);
    },
  );

  it('ends when its token does not carry the role', async () => {
    const team = newTeam();
    const worker = team.work(() => undefined, {}, meshClient(mesh, newSubject('other')));

    await expect(worker.start()).rejects.toMatchObject({ code: 'auth.role_not_held' });
  });

  it('is refused without a handler, and with options that cannot work', async () => {
    const team = newTeam();
    const worker = team.work(() => undefined, { taskTypes: ['other'] });

    await expect(worker.start()).rejects.toThrow('The task type other has no handler');
    expect(() => team.work(() => undefined, { concurrency: 0 })).toThrow('concurrency');
  });
});

function deep(levels: number): object {
  return levels === 0 ? {} : { next: deep(levels - 1) };
}
