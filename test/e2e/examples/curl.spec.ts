import { describe, expect, it } from '@jest/globals';
import { tokenFor } from '../../support/app.js';
import { FlakyProxy } from '../../support/flaky-proxy.js';
import { useSharedApp } from '../../support/kit.js';
import { ProgramRun } from '../../support/program-run.js';

describe('examples/curl/budget.sh', () => {
  const mesh = useSharedApp();

  const run = (env: Record<string, string>) =>
    new ProgramRun('bash', ['examples/curl/budget.sh'], {
      env: {
        MESH_URL: mesh.url,
        FINANCE_TOKEN: tokenFor('finance', 'curl-finance'),
        MANAGER_TOKEN: tokenFor('manager', 'curl-manager'),
        CFO_TOKEN: tokenFor('cfo', 'curl-cfo'),
        ...env,
      },
    }).result();

  const LINES = [
    expect.stringMatching(/^routed task-/),
    'sent again: the same task',
    expect.stringMatching(/^claimed in session-/),
    expect.stringMatching(/^requested approval-/),
    'approved',
    'consumed: pay now, once',
    'completed',
    'task_routed',
    'task_claimed',
    'approval_requested',
    'approval_decided',
    'approval_consumed',
    'session_transitioned',
  ];

  it('runs from the task to its completion', async () => {
    const { code, output, errors } = await run({});
    expect(errors).toBe('');
    expect(output.trim().split('\n')).toEqual(LINES);
    expect(code).toBe(0);
  });

  it('causes each effect once although every write is refused first', async () => {
    const proxy = await FlakyProxy.start(mesh.url, ['refuse']);
    try {
      const { output } = await run({ MESH_URL: proxy.url });
      expect(output.trim().split('\n')).toEqual(LINES);
    } finally {
      await proxy.close();
    }
  });

  it('ends with the problem when a request is refused', async () => {
    const { code, output, errors } = await run({ MANAGER_TOKEN: tokenFor('legal') });
    expect(code).not.toBe(0);
    expect(errors).toContain('/claim was refused');
    expect(output).not.toContain('completed');
  });

  it('names the missing token', async () => {
    const { code, errors } = await run({ CFO_TOKEN: '' });
    expect(code).not.toBe(0);
    expect(errors).toContain('CFO_TOKEN: a token of the role cfo');
  });
});
