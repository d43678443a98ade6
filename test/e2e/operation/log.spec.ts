import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newDatabase, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { dropTestDatabase } from '../../support/postgres.js';

describe('The log of a controller', () => {
  let databaseUrl: string;
  let controller: ControllerProcess | undefined;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
  });

  afterEach(() => controller?.stop());

  afterAll(() => dropTestDatabase(databaseUrl));

  async function start(env: Record<string, string> = {}): Promise<Client> {
    controller = await ControllerProcess.startMain({
      DATABASE_URL: databaseUrl,
      LOG_LEVEL: 'debug',
      ...env,
    });
    return new Client(controller.url, tokenFor('finance', 'finance-agent'), false);
  }

  async function outputAtEnd(): Promise<string> {
    await controller?.stop();
    return controller?.output ?? '';
  }

  it('contains no token, wherever a request has it', async () => {
    const agent = await start();
    const token = tokenFor('finance', 'finance-agent');
    const bad = token.replace(/[^.]+$/, 'A'.repeat(43));
    const answers = await Promise.all([
      agent.get('/me'),
      agent.get(`/${token}`),
      agent.get(`/sessions/${token}`),
      agent.get(`/tasks?to_role=${token}`),
      agent.post('/tasks/route', { target: token }, { 'idempotency-key': token }),
      new Client(controller?.url ?? '', bad, false).get('/me'),
      agent.get('/me', { headers: { 'x-trace-id': token } }),
      agent.get('/me', { headers: { traceparent: token, cookie: token } }),
    ]);
    expect(answers.map(({ status }) => status)).toContain(401);
    const output = await outputAtEnd();
    expect(output).toContain('"route":"/me"');
    expect(output).not.toContain('eyJ');
  });

  it('is JSON without a terminal, and text with LOG_FORMAT=text', async () => {
    await (await start()).get('/me');
    const json = (await outputAtEnd()).trimEnd().split('\n');
    for (const line of json) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) });

    await (await start({ LOG_FORMAT: 'text' })).get('/me');
    expect(await outputAtEnd()).toMatch(
      /^[\d:.]{12} LOG {3}\[Request\] method=GET route=\/me status=200 ms=\d+ subject=\S+ trace_id=\S+$/m,
    );
  });

  it('can lose its reader while the controller keeps serving', async () => {
    const agent = await start();
    controller?.stopReading();
    for (let count = 0; count < 5; count += 1) {
      expect(await agent.get('/me')).toMatchObject({ status: 200 });
    }
    expect(controller?.hasEnded).toBe(false);
  });
});
