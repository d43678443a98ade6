import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newDatabase, newSubject, tokenFor } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { eventually, until } from '../../support/eventually.js';
import { times } from '../../support/kit.js';
import { OtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

const ALWAYS = { OTEL_BSP_SCHEDULE_DELAY: '50', LOG_LEVEL: 'log', LOG_FORMAT: 'json' };
const PARENT = '00f067aa0ba902b7';

const newTraceId = (): string => randomUUID().replaceAll('-', '');

function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const span = spans.find((one) => one.name === name);
  if (!span) throw new Error(`${name} is not among ${spans.map((one) => one.name).join(', ')}`);
  return span;
}

interface LogLine {
  context?: string;
  trace_id?: string;
  span_id?: string;
  message: unknown;
}

function logOf({ output }: ControllerProcess): LogLine[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

describe('The spans of a controller', () => {
  let receiver: OtlpReceiver;
  let endpoint: WebhookReceiver;
  let databaseUrl: string;
  let controller: ControllerProcess;
  const agent = (role: string): Client => new Client(controller.url, tokenFor(role));

  beforeAll(async () => {
    [receiver, endpoint, databaseUrl] = await Promise.all([
      OtlpReceiver.start(),
      WebhookReceiver.start(),
      newDatabase(),
    ]);
    controller = await ControllerProcess.startMain({
      ...ALWAYS,
      DATABASE_URL: databaseUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      WEBHOOK_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
      WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
      WEBHOOK_ALLOW_HTTP: 'true',
    });
  });

  afterAll(async () => {
    await controller.stop();
    await Promise.all([receiver.close(), endpoint.close()]);
    await dropTestDatabase(databaseUrl);
  });

  async function route(target: string, headers: Record<string, string> = {}): Promise<string> {
    const body = { target, task: { task_type: 'approval' } };
    const routed = await agent('finance').post<{ task_id: string }>('/tasks/route', body, headers);
    expect(routed.status).toBe(202);
    return routed.body.task_id;
  }

  async function claim(role: string, headers: Record<string, string> = {}) {
    const claimed = await agent(role).post<{
      task: { id: string; traceparent: string | null };
      session: { id: string };
    }>('/tasks/claim', {}, headers);
    expect(claimed.status).toBe(200);
    return claimed.body;
  }

  it.each([
    ['with an idempotency key', () => ({ 'idempotency-key': randomUUID() })],
    ['without one', () => ({})],
  ])('connect the request, the transaction, the task and its claim, %s', async (_name, keyOf) => {
    const role = newSubject('manager');
    const traceId = newTraceId();
    const traceparent = `00-${traceId}-${PARENT}-01`;
    const taskId = await route(role, { traceparent, ...keyOf() });
    const spans = await receiver.spansWith(
      ['POST /tasks/route', `send ${role}`, 'db.transaction'],
      traceId,
    );
    const server = named(spans, 'POST /tasks/route');
    const send = named(spans, `send ${role}`);
    const transaction = named(spans, 'db.transaction');
    expect(server).toMatchObject({
      kind: 'SERVER',
      parentId: PARENT,
      status: 'UNSET',
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/tasks/route',
        'http.response.status_code': 202,
        'url.path': '/tasks/route',
        'url.scheme': 'http',
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(controller.url).port),
      },
      resource: {
        'service.name': 'agent-mesh-controller',
        'deployment.environment.name': 'test',
      },
    });
    expect(send).toMatchObject({
      kind: 'PRODUCER',
      parentId: server.spanId,
      attributes: {
        'messaging.system': 'agent_mesh',
        'messaging.destination.name': role,
        'messaging.operation.type': 'send',
        'mesh.task.id': taskId.replace('task-', ''),
      },
    });
    expect([server.spanId, send.spanId]).toContain(transaction.parentId);
    expect(transaction.attributes).toMatchObject({ 'mesh.db.outcome': 'commit' });
    // BEGIN, the task, its attempt, the event and COMMIT.
    expect(transaction.attributes['mesh.db.statements']).toBeGreaterThanOrEqual(5);

    const claimTrace = newTraceId();
    const claimed = await claim(role, {
      traceparent: `00-${claimTrace}-${PARENT}-01`,
      ...keyOf(),
    });
    expect(claimed.task.traceparent).toBe(`00-${traceId}-${send.spanId}-01`);
    const { rows } = await withClient(databaseUrl, (client) =>
      client.query<{ traceparent: string }>(
        `SELECT metadata->>'traceparent' AS traceparent FROM audit_events
          WHERE event_type = 'task_routed' AND task_id = $1`,
        [taskId.replace('task-', '')],
      ),
    );
    expect(rows).toEqual([{ traceparent: claimed.task.traceparent }]);
    const process = named(
      await receiver.spansWith([`process ${role}`], claimTrace),
      `process ${role}`,
    );
    expect(process).toMatchObject({
      kind: 'CONSUMER',
      links: [{ traceId, spanId: send.spanId }],
      attributes: { 'messaging.operation.type': 'process', 'mesh.attempt': 1 },
    });
  });

  it('have the id of X-Trace-Id if there is no traceparent, or that of the response', async () => {
    const given = randomUUID();
    const routed = await agent('finance').post(
      '/tasks/route',
      { target: newSubject('role'), task: { task_type: 'a' } },
      { 'x-trace-id': given },
    );
    const other = await agent('finance').get('/tasks');
    for (const [answer, name] of [
      [routed, 'POST /tasks/route'],
      [other, 'GET /tasks'],
    ] as const) {
      const id = answer.headers.get('x-trace-id') ?? '';
      const spans = await receiver.spansWith([name], id.replaceAll('-', ''));
      expect(named(spans, name)).toMatchObject({
        parentId: '',
        attributes: { 'mesh.trace_id': id },
      });
    }
    expect(routed.headers.get('x-trace-id')).toBe(given);
  });

  it('have few names: no path and no id, and there is none for probes', async () => {
    const traceIds = times(4, newTraceId);
    const paths = [`/tasks/${randomUUID()}`, '/no/such/path', '/health/ready', '/status'];
    for (const [n, path] of paths.entries()) {
      await agent('finance').get(path, {
        headers: { traceparent: `00-${traceIds[n]}-${PARENT}-01` },
      });
    }
    const names = (): (string | undefined)[] =>
      traceIds.map(
        (id) => receiver.spans.find((span) => span.traceId === id && span.kind === 'SERVER')?.name,
      );
    await eventually(names, ([, unknown]) => unknown !== undefined);
    expect(names()).toEqual(['GET /tasks/:id', 'GET', undefined, undefined]);
  });

  it('have the type of an error and no text, and a refused request is no error of the server', async () => {
    const traceId = newTraceId();
    const headers = { traceparent: `00-${traceId}-${PARENT}-01` };
    const body = {
      target: 'manager',
      task: { task_type: 'a', description: 'do not show' },
      deadline_at: '2020-01-01T00:00:00Z',
    };
    const refused = await agent('finance').post('/tasks/route', body, headers);
    expect(refused.status).toBe(400);
    const spans = await receiver.spansWith(['POST /tasks/route'], traceId);
    expect(named(spans, 'POST /tasks/route')).toMatchObject({ status: 'UNSET' });
    expect(named(spans, 'send manager')).toMatchObject({
      status: 'ERROR',
      attributes: { 'error.type': 'request.invalid' },
    });
    const { attributes } = named(spans, 'db.transaction');
    expect(attributes['mesh.db.outcome']).toBe('rollback');
    expect(JSON.stringify(spans)).not.toContain('do not show');
  });

  it('are in the log, with the trace id of the request', async () => {
    const traceId = newTraceId();
    await agent('finance').get('/me', { headers: { traceparent: `00-${traceId}-${PARENT}-01` } });
    const server = named(await receiver.spansWith(['GET /me'], traceId), 'GET /me');
    const lines = await eventually(
      () => logOf(controller).filter(({ span_id }) => span_id === server.spanId),
      ({ length }) => length > 0,
    );
    expect(lines.map(({ trace_id }) => trace_id?.replaceAll('-', ''))).toContain(traceId);
  });

  it('contain each request to a webhook, whose receiver gets the traceparent', async () => {
    const role = newSubject('role');
    const created = await agent('admin').post('/webhooks', {
      url: `${endpoint.url}?token=secret`,
      types: ['task.routed'],
    });
    expect(created.status).toBe(201);
    await route(role);
    await endpoint.untilCount(1);
    const [received] = endpoint.received;
    const [, traceId = '', spanId] = received?.headers.traceparent?.split('-') ?? [];
    const span = named(await receiver.spansWith(['POST'], traceId), 'POST');
    expect(span).toMatchObject({
      spanId,
      kind: 'CLIENT',
      attributes: {
        'http.request.method': 'POST',
        'http.response.status_code': 204,
        'server.port': endpoint.port,
        'mesh.event.id': received?.event.id,
      },
    });
    expect(JSON.stringify(span)).not.toContain('secret');
  });
});

describe('A controller whose collector', () => {
  let receiver: OtlpReceiver;
  let databaseUrl: string;

  beforeAll(async () => {
    [receiver, databaseUrl] = await Promise.all([OtlpReceiver.start(), newDatabase()]);
  });

  afterAll(async () => {
    await receiver.close();
    await dropTestDatabase(databaseUrl);
  });

  const start = (env: Record<string, string>): Promise<ControllerProcess> =>
    ControllerProcess.startMain({
      ...ALWAYS,
      DATABASE_URL: databaseUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      ...env,
    });

  it('is away serves every request, and reports the loss once', async () => {
    const controller = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    });
    const agent = new Client(controller.url, tokenFor('finance'));
    const answers = await Promise.all(times(50, () => agent.get('/tasks')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await until(() => logOf(controller).some(({ context }) => context === 'Tracing'));
    await agent.get('/tasks');
    await controller.stop();
    expect(controller.exitCode).toBe(0);
    expect(logOf(controller).filter(({ context }) => context === 'Tracing')).toHaveLength(1);
  });

  it('responds gets the last spans before the process ends, and one that hangs does not keep it', async () => {
    // Nothing is exported before the process ends.
    const late = { OTEL_BSP_SCHEDULE_DELAY: '600000' };
    const [hanging, responding] = await Promise.all([start(late), start(late)]);
    await new Client(responding.url, tokenFor('finance')).get('/me');
    await responding.stop();
    expect(receiver.spans.map(({ name }) => name)).toContain('GET /me');

    receiver.isHanging = true;
    await new Client(hanging.url, tokenFor('finance')).get('/me');
    await hanging.stop();
    // Not killed by the time limit of the test.
    expect(hanging.exitCode).toBe(0);
  });
});
