import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { context, propagation, trace } from '@opentelemetry/api';
import { NodeSDK, tracing } from '@opentelemetry/sdk-node';
import { fetchKeys } from '../../../src/auth/fetch-keys.js';
import { AnchorSenderService } from '../../../src/audit-log/anchor-sender.service.js';
import { eventually } from '../../support/eventually.js';
import { useApp } from '../../support/kit.js';
import { useWorkerTeams } from '../../support/worker-team.js';

/** The SDK in this process, which has the controller and the workers. */
function useSpans(): () => tracing.ReadableSpan[] {
  const exporter = new tracing.InMemorySpanExporter();
  const sdk = new NodeSDK({
    spanProcessors: [new tracing.SimpleSpanProcessor(exporter)],
    instrumentations: [],
    autoDetectResources: false,
    metricReaders: [],
    logRecordProcessors: [],
  });
  beforeAll(() => {
    sdk.start();
  });
  afterAll(async () => {
    await sdk.shutdown();
    for (const api of [trace, context, propagation]) api.disable();
  });
  return () => exporter.getFinishedSpans();
}

describe('With an SDK in the process', () => {
  const spans = useSpans();

  describe('A worker with OpenTelemetry', () => {
    const mesh = useApp({ env: { LEASE_MIN_SECONDS: '2' } });
    const newTeam = useWorkerTeams(mesh);
    const named = (name: string) => spans().filter((span) => span.name === name);

    it('continues the trace of the task in its handler and in the requests of the handler', async () => {
      const team = newTeam();
      const seen: (string | undefined)[] = [];
      team.work(async (_task, ctx) => {
        seen.push(trace.getActiveSpan()?.spanContext().traceId);
        await Promise.resolve();
        seen.push(trace.getActiveSpan()?.spanContext().traceId);
        const { task_id } = await ctx.routeSubtask('step', {
          target: team.approverRole,
          task: { task_type: 'subtask' },
        });
        return { subtask: task_id };
      });
      const task = await team.route();
      const { subtask } = await team.requester.tasks.result(task);
      const [send] = named(`send ${team.role}`);
      const traceId = send?.spanContext().traceId;
      expect(traceId).toBeDefined();
      expect(seen).toEqual([traceId, traceId]);

      const handlers = await eventually(
        () =>
          named(`process ${team.role}`).filter(
            ({ instrumentationScope: { name } }) => name === '@agent-mesh/client',
          ),
        ({ length }) => length > 0,
      );
      const [handler] = handlers;
      expect(handler?.parentSpanContext?.spanId).toBe(send?.spanContext().spanId);
      expect(handler?.attributes).toMatchObject({ 'mesh.task.id': task, 'mesh.attempt': 1 });
      // The subtask is in the trace of the task as well.
      const [sendSubtask] = named(`send ${team.approverRole}`);
      expect(sendSubtask?.spanContext().traceId).toBe(traceId);
      expect(sendSubtask?.attributes['mesh.task.id']).toBe(String(subtask).replace('task-', ''));
    });

    it('has the type of the error of a handler in the span', async () => {
      const team = newTeam();
      team.work(() => {
        throw new RangeError('do not show');
      });
      await team.route();
      const read = () =>
        named(`process ${team.role}`).filter(
          ({ attributes }) => attributes['error.type'] === 'RangeError',
        );
      expect(await eventually(read, ({ length }) => length > 0)).not.toEqual([]);
      expect(
        JSON.stringify(read().map(({ attributes, events }) => [attributes, events])),
      ).not.toContain('do not show');
    });

    it('leaves requests outside of its handlers alone', async () => {
      const team = newTeam();
      const before = spans().length;
      await team.requester.me();
      const [server] = await eventually(
        () =>
          spans()
            .slice(before)
            .filter(({ name }) => name === 'GET /me'),
        ({ length }) => length > 0,
      );
      expect(server?.parentSpanContext).toBeUndefined();
    });
  });

  describe('The requests of a controller to other services', () => {
    it('have client spans without credentials and queries, with the status or the type of the error', async () => {
      const server = createServer((request, response) => {
        response.writeHead(request.url?.startsWith('/keys') ? 200 : 503).end('{"keys":[]}');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const base = `http://127.0.0.1:${port}`;
      await fetchKeys(`${base}/keys?tenant=secret`);
      const anchor = {
        name: 'anchor',
        kind: 'http',
        target: `http://user:secret@127.0.0.1:${port}/anchor?token=secret`,
      } as const;
      await expect(new AnchorSenderService().send(anchor, 'head')).rejects.toThrow('503');
      server.close();
      await once(server, 'close');
      await expect(fetchKeys(`${base}/keys`)).rejects.toThrow();

      const sent = spans().filter(({ name }) => name === 'GET' || name === 'POST');
      expect(sent.map(({ attributes }) => attributes)).toMatchObject([
        { 'http.response.status_code': 200, 'url.full': `${base}/keys`, 'server.port': port },
        { 'http.response.status_code': 503, 'url.full': `${base}/anchor`, 'error.type': '503' },
        { 'url.full': `${base}/keys`, 'error.type': expect.any(String) },
      ]);
      expect(JSON.stringify(sent.map(({ attributes }) => attributes))).not.toContain('secret');
    });
  });
});
