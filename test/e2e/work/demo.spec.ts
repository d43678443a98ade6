import { describe, expect, it } from '@jest/globals';
import { runWorkDemo } from '../../../src/demo/run-work-demo.js';
import { TEST_SECRET } from '../../support/app.js';
import { programFile } from '../../support/program-file.js';
import { brokenRules } from '../../support/work.js';
import { useApp } from '../../support/kit.js';

const WORKER = { file: programFile('src/demo/demo-worker-process.js'), execArgv: [] };

describe('npm run demo:work', () => {
  const mesh = useApp({ env: { LEASE_MIN_SECONDS: '2', SWEEP_INTERVAL_SECONDS: '1' } });

  async function play(url: string): Promise<{ code: number; output: string; errors: string }> {
    let output = '';
    let errors = '';
    const code = await runWorkDemo({
      url,
      variables: {
        DATABASE_URL: mesh.databaseUrl,
        JWT_SECRET: TEST_SECRET,
        LEASE_MIN_SECONDS: '2',
      },
      worker: WORKER,
      output: { write: (text) => (output += text) },
      errors: { write: (text) => (errors += text) },
    });
    return { code, output, errors };
  }

  it('kills a worker, and the other completes its task', async () => {
    const { code, output, errors } = await play(mesh.url);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    const [, lost = ''] =
      /worker-a is killed; its lease on (contract \d) expires in 2 s/.exec(output) ?? [];
    expect(output).toContain(`worker-a claimed ${lost}, attempt 1`);
    expect(output).toContain(`worker-b claimed ${lost}, attempt 2`);
    expect(output).toContain(`worker-b finished ${lost}, attempt 2`);
    expect(output.match(/ finished contract \d/g)).toHaveLength(6);
    expect([...output.matchAll(/^ {4}[\d:.]{12} {2}(.*)$/gm)].map(([, event]) => event)).toEqual([
      'task_routed by agent-mesh-dev#finance-agent',
      'task_claimed by agent-mesh-dev#worker-a',
      'session_transitioned (lease_lost) by system',
      'attempt_opened by system',
      'task_claimed by agent-mesh-dev#worker-b',
      'session_transitioned (completed) by agent-mesh-dev#worker-b',
    ]);
    expect(await brokenRules(mesh)).toEqual([]);
  });

  it('reports in one line that no controller responds', async () => {
    const { code, errors } = await play('http://127.0.0.1:1');
    expect(code).toBe(1);
    expect(errors).toMatch(/^demo: No controller responds at [^\n]*\n$/);
  });
});
