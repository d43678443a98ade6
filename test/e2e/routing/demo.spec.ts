import { createServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { runDemo } from '../../../src/demo/run-demo.js';
import { VERSION } from '../../../src/version.js';
import { TEST_SECRET } from '../../support/app.js';
import { useSharedApp } from '../../support/kit.js';

const OIDC = {
  JWT_SECRET: undefined,
  OIDC_JWKS_URL: 'https://id.example.com/keys',
  OIDC_ISSUER_URL: 'https://id.example.com',
  OIDC_AUDIENCE: 'agent-mesh',
};

describe('npm run demo', () => {
  const mesh = useSharedApp();

  it('runs a budget approval and exits with 0', async () => {
    const { code, output, errors } = await play({});
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(titlesOf(output)).toEqual([
      'finance routes a budget request to the manager',
      'manager lists pending tasks',
      'finance reads the status',
      'manager starts the task',
      'finance reads the status',
      'finance requests an approval',
      'manager approves',
      'manager completes the task with a result',
      'finance reads the status',
      'finance reads the audit log',
      'finance routes a budget request to the manager',
      'finance requests an approval, and leaves it to you',
    ]);
    expect(output.match(/status \w+, result \S+/g)).toEqual([
      'status pending, result null',
      'status active, result null',
      'status completed, result {"approved_amount":50000}',
    ]);
    expect(output).toMatch(/POST \/tasks\/route -> 202\n {4}task-[0-9a-f-]{36} accepted\n/);
    expect(eventsOf(output)).toEqual([
      'task_routed by finance',
      'session_transitioned by manager: pending -> active',
      'approval_requested by finance',
      'approval_decided by manager',
      'session_transitioned by manager: active -> completed',
    ]);
  });

  it('prints colours only when the terminal has them', async () => {
    expect((await play({})).output).not.toContain('\u001b[');
    expect((await play({}, true)).output).toContain('\u001b[');
  });

  it('runs a separate workflow each time', async () => {
    const first = await play({});
    const second = await play({});
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(eventsOf(second.output)).toHaveLength(eventsOf(first.output).length);
  });

  it('reports in one line that no controller responds', async () => {
    const { code, errors } = await play({ CONTROLLER_URL: 'http://127.0.0.1:1' });
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^demo: No controller responds at http:\/\/127\.0\.0\.1:1 .*npm start.*\n$/,
    );
  });

  it('reports in one line that its tokens are refused', async () => {
    const { code, errors } = await play({ JWT_SECRET: 'another secret that is long enough too' });
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^demo: The controller at .* refuses the demo's token: .*JWT_SECRET.*\n$/,
    );
  });

  it('reports an unexpected response in one line', async () => {
    const { code, errors } = await play({}, false, [
      { method: 'GET', path: '/status', status: 200, json: { status: 'ok', version: VERSION } },
      { method: 'POST', path: '/tasks/route', status: 202, json: { status: 'accepted' } },
    ]);
    expect(code).toBe(1);
    expect(errors).toBe('demo: The response to POST /tasks/route has no "task_id".\n');
  });

  it('reports in one line that the server is not a controller, or refuses the request', async () => {
    const stranger = await play({}, false, []);
    expect(stranger.code).toBe(1);
    expect(stranger.errors).toMatch(/^demo: The server at .* is not a controller\.\n$/);
    const refusal = await play({}, false, [
      { method: 'GET', path: '/status', status: 200, json: { status: 'ok', version: VERSION } },
      {
        method: 'POST',
        path: '/tasks/route',
        status: 403,
        json: { code: 'auth.role_not_held', detail: 'The token carries no role to act for' },
      },
    ]);
    expect(refusal.errors).toBe(
      'demo: The response to POST /tasks/route is 403 auth.role_not_held The token carries no role to act for\n',
    );
  });

  it.each([
    ['an invalid address', { CONTROLLER_URL: 'file:///etc' }, 'CONTROLLER_URL must be'],
    ['tokens of an identity provider', OIDC, 'tokens must come from an identity provider'],
  ])('reports in one line that it does not support %s', async (_, variables, message) => {
    const { code, errors } = await play(variables);
    expect(code).toBe(1);
    expect(errors).toMatch(/^demo: [^\n]+\n$/);
    expect(errors).toContain(message);
  });

  async function play(
    variables: Record<string, string | undefined>,
    hasColours = false,
    replies?: readonly Reply[],
  ): Promise<{ code: number; output: string; errors: string }> {
    const stub = replies && (await startStub(replies));
    let output = '';
    let errors = '';
    try {
      const code = await runDemo({
        variables: {
          DATABASE_URL: mesh.databaseUrl,
          JWT_SECRET: TEST_SECRET,
          CONTROLLER_URL: stub?.url ?? mesh.url,
          ...variables,
        },
        output: { write: (text) => (output += text), hasColors: () => hasColours },
        errors: { write: (text) => (errors += text) },
      });
      return { code, output, errors };
    } finally {
      await stub?.stop();
    }
  }
});

interface Reply {
  method: string;
  path: string;
  status: number;
  json: unknown;
}

/** A server that is not a controller. */
async function startStub(
  replies: readonly Reply[],
): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer(({ method, url }, response) => {
    const reply = replies.find((each) => each.method === method && each.path === url);
    response.writeHead(reply?.status ?? 404, { connection: 'close' });
    response.end(JSON.stringify(reply?.json ?? 'nothing'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}

function titlesOf(output: string): string[] {
  return [...output.matchAll(/^ ?\d+\. (.*)$/gm)].map(([, title]) => title ?? '');
}

function eventsOf(output: string): string[] {
  return [...output.matchAll(/^ {4}[\d:.]{12} {2}(.*)$/gm)].map(([, event]) => event ?? '');
}
