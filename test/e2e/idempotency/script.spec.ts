import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp, tokenFor } from '../../support/app.js';

describe('docs/tests/test-idempotency.sh', () => {
  let mesh: TestApp;

  afterEach(() => mesh.close());

  async function run(env: Record<string, string>) {
    const { PATH = '' } = process.env;
    const script = spawn('bash', ['docs/tests/test-idempotency.sh'], {
      env: { PATH, CONTROLLER_URL: mesh.url, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(script, 'close');
    const [output, errors] = await Promise.all([text(script.stdout), text(script.stderr)]);
    await closed;
    return { code: script.exitCode, errors, lines: output.trim().split('\n') };
  }

  const passed = (line: string) => line.startsWith('ok ');

  it('passes, and waits for the expiry of a short-lived key', async () => {
    mesh = await startTestApp({ env: { IDEMPOTENCY_TTL_SECONDS: '3' } });
    const { code, errors, lines } = await run({ TOKEN: tokenFor('finance') });
    expect(lines.filter((line) => !passed(line))).toEqual(['all passed']);
    expect(lines).toContain('ok    an expired key creates another task');
    expect([code, errors]).toEqual([0, '']);
  });

  it('passes without waiting when keys are valid for hours', async () => {
    mesh = await startTestApp({ env: { IDEMPOTENCY_TTL_SECONDS: '7200' } });
    const { code, errors, lines } = await run({ TOKEN: tokenFor('finance') });
    expect(lines.filter((line) => !passed(line))).toEqual([
      expect.stringMatching(/^skip {2}an expired key: keys are valid for 7200 s here/),
      'all passed',
    ]);
    expect([code, errors]).toEqual([0, '']);
  });

  it.each([
    ['a token that is not accepted', { TOKEN: 'wrong' }],
    ['a role that takes no tasks', { TOKEN: tokenFor('finance'), TARGET: 'admin' }],
  ])('fails with %s', async (_, env) => {
    mesh = await startTestApp();
    const { code, lines } = await run(env);
    expect(code).toBe(1);
    expect(lines.filter((line) => line.startsWith('FAIL')).length).toBeGreaterThan(5);
    expect(lines.at(-1)).toMatch(/^\d+ failed$/);
  });

  it('fails without a controller and without a token', async () => {
    mesh = await startTestApp();
    const nowhere = { TOKEN: tokenFor('finance'), CONTROLLER_URL: 'http://127.0.0.1:9' };
    expect((await run(nowhere)).code).toBe(1);
    expect(await run({})).toMatchObject({ code: 1, errors: expect.stringContaining('set TOKEN') });
  });
});
