import { beforeEach, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { Cli } from '../../support/cli.js';
import { useSharedApp } from '../../support/kit.js';

describe('mesh approvals, approve, reject and delegate', () => {
  const mesh = useSharedApp();
  const cli = new Cli(() => ({ MESH_URL: mesh.url }));
  let approver: string;
  let approval: string;
  const as = (role: string) => ({ env: { MESH_TOKEN: tokenFor(role, `${role}-approver`) } });

  beforeEach(async () => {
    approver = newSubject('cfo');
    const finance = mesh.agent('finance', 'finance-approver');
    const { body } = await finance.post<{ task_id: string }>('/tasks/route', {
      target: 'manager',
      task: { task_type: 'payment' },
    });
    const requested = await finance.post<{ approval_id: string }>('/approvals', {
      task_id: body.task_id,
      approver_role: approver,
      reason: 'Above the limit',
      payload: { amount: 50_000, vendor: 'ACME\u001b[0m' },
    });
    approval = requested.body.approval_id;
  });

  it('show what waits for a decision, with the payload, and approve', async () => {
    const { lines } = await cli.run('approvals', as(approver));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(approval);
    const shown = await cli.run(`approval ${approval}`, as(approver));
    expect(shown.output).toContain('"amount": 50000');
    expect(shown.output).toContain('\\u001b[0m');
    expect(shown.output).not.toContain('\u001b');
    expect(shown.output).toMatch(/^digest +[0-9a-f]{64}$/m);

    const approved = await cli.run(['approve', approval, '-m', 'Within the plan'], as(approver));
    expect(approved).toMatchObject({ code: 0, output: `${approval} is approved.\n` });
    expect((await cli.run('approvals', as(approver))).output).toBe(
      'There are no such approvals.\n',
    );
    const mine = await cli.json<{ approvals: { id: string; notes: string }[] }>(
      'approvals --mine --status approved',
      as('finance'),
    );
    expect(mine.approvals.map(({ id }) => `approval-${id}`)).toContain(approval);
  });

  it('reject with a comment', async () => {
    const without = await cli.run(`reject ${approval}`, as(approver));
    expect(without).toMatchObject({ code: 2, errors: expect.stringContaining('--comment') });
    const rejected = await cli.run(['reject', approval, '-m', 'Too much'], as(approver));
    expect(rejected).toMatchObject({ code: 0, output: `${approval} is rejected.\n` });
    expect(await cli.run(`approve ${approval}`, as(approver))).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^approval\.decided: /),
    });
  });

  it('delegate to another role', async () => {
    const deputy = newSubject('deputy');
    const delegated = await cli.run(['delegate', approval, deputy, '-m', 'On leave'], as(approver));
    expect(delegated).toMatchObject({ code: 0, output: `${approval} waits for ${deputy}.\n` });
    expect((await cli.run(`approve ${approval}`, as(deputy))).code).toBe(0);
  });

  it('refuse the requester, and show a foreign approval as missing', async () => {
    const own = await cli.run(`approve ${approval}`, as('finance'));
    expect(own).toMatchObject({ code: 1, errors: expect.stringMatching(/^auth\.forbidden: /) });
    const foreign = await cli.run(`approval ${approval}`, as(newSubject('stranger')));
    expect(foreign).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^approval\.not_found: /),
    });
    expect((await cli.run('approvals --mine --all', as(approver))).code).toBe(2);
  });

  it('decide once when two approvers are asked at the same time', async () => {
    const runs = await Promise.all(
      ['one', 'two'].map((sub) =>
        cli.run(`approve ${approval}`, { env: { MESH_TOKEN: tokenFor(approver, sub) } }),
      ),
    );
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 1]);
  });
});
