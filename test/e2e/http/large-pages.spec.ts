import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseExport } from '../../support/audit.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';

const COUNT = 9;
/** Nearly as much as a body may have: nine of them are more than a page may. */
const LARGE = { parts: Array.from({ length: 15 }, () => 'x'.repeat(60_000)) };
const SIZE = JSON.stringify(LARGE).length;
const MOST = 4 * 2 ** 20 + 2 * SIZE;

interface Page {
  next_cursor: string | null;
  page_size: number;
  [things: string]: unknown;
}

interface Detail {
  attempts: { attempt: number }[];
  complete: boolean;
}

describe('large responses', () => {
  let mesh: TestApp;
  const [requester, worker, agentId] = [
    newSubject('requester'),
    newSubject('worker'),
    newSubject('agent'),
  ];
  const reports = `/audit/events?event_type=agent.large.${agentId}`;
  let agent: Client;

  beforeAll(async () => {
    mesh = await startTestApp({ env: { RATE_LIMIT_ENABLED: 'false' } });
    agent = new Client(mesh.url, tokenFor([requester, worker, 'auditor'], agentId));
    for (let n = 0; n < COUNT; n += 1) {
      const routed = await agent.post<{ task_id: string }>('/tasks/route', {
        ...{ target: worker, from_role: requester },
        task: { task_type: 'large', data: LARGE },
      });
      expect(routed.status).toBe(202);
      const written = [
        await agent.post('/sessions', { role: worker, metadata: LARGE }),
        await agent.post('/approvals', {
          ...{ task_id: routed.body.task_id, approver_role: newSubject('approver') },
          ...{ from_role: requester, payload: LARGE },
        }),
        await agent.post('/audit/ingest', {
          ...{ source: 'bench', category: 'large', action: agentId },
          metadata: LARGE,
        }),
      ];
      expect(written.map(({ status }) => status)).toEqual([201, 202, 202]);
    }
  }, 60_000);

  afterAll(() => mesh.close());

  it.each([
    ['tasks', () => `/tasks?to_role=${worker}`],
    ['tasks', () => `/tasks?to_role=${worker}&status=pending`],
    ['sessions', () => `/sessions?role=${worker}`],
    ['approvals', () => '/approvals?status=pending'],
    ['events', () => reports],
  ])(
    'a page of %s ends before the size limit and the next page continues',
    async (things, path) => {
      const seen: string[] = [];
      let pages = 0;
      let cursor: string | null = null;
      do {
        const after: string = cursor === null ? '' : `&cursor=${cursor}`;
        const { status, text, body } = await agent.get<Page>(`${path()}&page_size=100${after}`);
        expect(status).toBe(200);
        expect(text.length).toBeLessThan(MOST);
        seen.push(...(body[things] as { id: string }[]).map(({ id }) => id));
        ({ next_cursor: cursor } = body);
        pages += 1;
      } while (cursor !== null);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBeGreaterThanOrEqual(COUNT);
      expect(pages).toBeGreaterThan(1);
      expect(pages).toBeLessThan(seen.length);
    },
  );

  it('GET /tasks/:id returns the latest attempts when all are too large', async () => {
    const routed = await agent.post<{ task_id: string }>('/tasks/route', {
      ...{ target: worker, from_role: requester },
      task: { task_type: 'large' },
    });
    const path = `/tasks/${routed.body.task_id}`;
    const short = await agent.get(path);
    expect(short.body).toMatchObject({ complete: true, attempts: [{ attempt: 1 }], approvals: [] });
    for (let n = 0; n < COUNT; n += 1) {
      const { body } = await agent.post<{ session: { id: string } }>(`${path}/claim`, {});
      await agent.put(`/sessions/${body.session.id}`, { metadata: LARGE });
      await agent.post(`/sessions/${body.session.id}/release`, {});
    }
    const { text, body } = await agent.get<Detail>(path);
    expect(text.length).toBeLessThan(MOST);
    expect(body.complete).toBe(false);
    const numbers = body.attempts.map(({ attempt }) => attempt);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.at(-1)).toBe(COUNT + 1);
    expect(numbers.length).toBeLessThan(COUNT + 1);
  });

  it('GET /sessions: 400 when a numbered page is too large', async () => {
    const refused = await agent.get(`/sessions?role=${worker}&page=1&page_size=100`);
    expect(refused).toMatchObject({
      status: 400,
      body: { code: 'request.invalid', errors: [{ pointer: '?page_size' }] },
    });
    expect((await agent.get(`/sessions?role=${worker}&page=1&page_size=3`)).status).toBe(200);
  });

  it('GET /audit/events as NDJSON returns all events', async () => {
    const { status, text } = await agent.get(reports, {
      headers: { accept: 'application/x-ndjson' },
    });
    expect(status).toBe(200);
    expect(parseExport(text).events).toHaveLength(COUNT);
  });
});
