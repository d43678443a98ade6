import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request as send } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Pool } from 'pg';
import { newDatabase, newSubject, TEST_SECRET, tokenFor } from '../../support/app.js';
import { type BadRequest, badRequests, CANARY } from '../../support/bad-input.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { patient } from '../../support/patience.js';

// Another test keeps it the document of the routes that there are: a new route is in here by being.
const document = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as OpenAPIObject;
const REQUESTS = badRequests(document);
const ROUTES = [...new Set(REQUESTS.map(({ route }) => route))];
const AT_ONCE = 4;
/** Of the machine, not of the controller. */
const PROMPT_MS = 5_000;

interface Outcome {
  status: number;
  text: string;
  trace: unknown;
}

describe('invalid input', () => {
  const agent = new Agent({ keepAlive: true });
  const [requester, worker] = [newSubject('requester'), newSubject('worker')];
  const token = tokenFor([requester, worker], newSubject('agent'));
  let databaseUrl: string;
  let db: Pool;
  let controller: ControllerProcess;
  let ids: Record<string, string>;
  let watch: { stop: () => Promise<number[]> };
  let before: Record<string, number>;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    db = new Pool({ connectionString: databaseUrl, max: 1 });
    controller = await ControllerProcess.start({ databaseUrl, env: { LOG_LEVEL: 'debug' } });
    ids = await makeWorld();
    before = await rowCounts();
    watch = watchHealth();
  }, 90_000);

  afterAll(async () => {
    agent.destroy();
    await watch.stop();
    await controller.stop();
    await db.end();
  });

  /** A task with an attempt and an approval, all of them the caller's to change. */
  async function makeWorld(): Promise<Record<string, string>> {
    const client = new Client(controller.url, token);
    const task = await client.post('/tasks/route', {
      target: worker,
      from_role: requester,
      task: { task_type: 'x' },
    });
    const session = await client.get(`/sessions/${String(task.body.task_id)}`);
    const approval = await client.post('/approvals', {
      task_id: task.body.task_id,
      approver_role: worker,
    });
    expect([task.status, session.status, approval.status]).toEqual([202, 200, 202]);
    const [{ id: eventId } = { id: '' }] = (
      await db.query<{ id: string }>('SELECT id FROM audit_events LIMIT 1')
    ).rows;
    return {
      audit: eventId,
      tasks: String(task.body.task_id),
      sessions: String(session.body.id),
      approvals: String(approval.body.approval_id),
      idempotency: 'a-key',
      roles: worker,
      webhooks: randomUUID(),
    };
  }

  /** How many rows each table has, but for the trail of denied calls. */
  async function rowCounts(): Promise<Record<string, number>> {
    const { rows } = await db.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
          -- positions and hashes of events that are counted
          AND relname NOT IN ('event_log', 'audit_log', 'audit_tiles', 'audit_heads')`,
    );
    const counts: Record<string, number> = {};
    for (const { name } of rows) {
      const which = name === 'audit_events' ? `WHERE event_type <> 'access_denied'` : '';
      const { rowCount } = await db.query(`SELECT 1 FROM "${name}" ${which}`);
      counts[name] = rowCount ?? 0;
    }
    return counts;
  }

  /** Asks for the process's health on and on; gives how long each answer took, in milliseconds. */
  function watchHealth(): typeof watch {
    const client = new Client(controller.url);
    const times: number[] = [];
    const stopped = new AbortController();
    const watching = (async () => {
      while (!stopped.signal.aborted) {
        const started = performance.now();
        // No response at all counts as the slowest one.
        const { status } = await client.get('/health/live').catch(() => ({ status: 0 }));
        times.push(status === 200 ? performance.now() - started : Infinity);
        await sleep(20);
      }
    })();
    return {
      async stop() {
        stopped.abort();
        await watching;
        return times;
      },
    };
  }

  function call({ method, path, headers, body, anonymous }: BadRequest): Promise<Outcome> {
    const { host, hostname, port } = new URL(controller.url);
    const [, kind = ''] = path.split('/');
    return new Promise((resolve, reject) => {
      const outgoing = send(
        {
          ...{ agent, method, hostname, port },
          path: path
            .replace('{level}', '0')
            .replace('{path}', '000.p/1')
            .replace(/\{\w+\}/, ids[kind] ?? ''),
          headers: [
            ...['Host', host, 'Content-Length', String(Buffer.byteLength(body ?? ''))],
            ...(anonymous ? [] : ['Authorization', `Bearer ${token}`]),
            ...headers,
          ],
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('error', reject).on('end', () => {
            const { statusCode = 0, headers: answered } = response;
            resolve({ status: statusCode, text, trace: answered['x-trace-id'] });
          });
        },
      );
      outgoing.on('error', reject).end(body);
    });
  }

  it('has more than 150 cases, some for each route', () => {
    expect(REQUESTS.length).toBeGreaterThan(150);
    const documented = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(ROUTES.sort()).toEqual(documented.sort());
  });

  it.each(ROUTES)(
    '%s: 4xx with a problem document',
    async (route) => {
      const queue = REQUESTS.filter((request) => request.route === route);
      const surprises: string[] = [];
      const work = async (): Promise<void> => {
        for (let request = queue.pop(); request; request = queue.pop()) {
          const { status, text } = await call(request);
          if (!request.statuses.includes(status)) surprises.push(`${request.what}: ${status}`);
          if (text.includes(CANARY)) surprises.push(`${request.what}: repeats input`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      expect(surprises).toEqual([]);
    },
    60_000,
  );

  it('405 when the route does not have the method', async () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const method of ['DELETE', 'PATCH', 'TRACE', 'OPTIONS', 'PROPFIND']) {
        if (method.toLowerCase() in item) continue;
        const { status } = await call({
          route: '',
          what: '',
          method,
          path,
          headers: [],
          statuses: [],
        });
        expect({ path, method, status }).toEqual({ path, method, status: 405 });
      }
    }
  });

  it('stores nothing', async () => {
    expect(await rowCounts()).toEqual(before);
  });

  it('GET /health responds during invalid requests', async () => {
    const times = await watch.stop();
    expect(controller.hasEnded).toBe(false);
    expect(times.length).toBeGreaterThan(10);
    expect(Math.max(...times)).toBeLessThan(patient(PROMPT_MS));
  });

  it('is logged in one line each, without secrets and input', async () => {
    await new Client(controller.url, token).get('/me', {
      headers: { 'idempotency-key': CANARY, cookie: CANARY, 'x-trace-id': CANARY },
    });
    await controller.stop();
    const lines = controller.output.split('\n').filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(REQUESTS.length / 2);
    expect(lines.filter((line) => !isJson(line))).toEqual([]);
    const secrets = [CANARY, token, TEST_SECRET, new URL(databaseUrl).password];
    for (const secret of secrets.filter((each) => each !== ''))
      expect(lines.filter((line) => line.includes(secret))).toEqual([]);
  });
});

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
