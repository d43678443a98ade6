import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { ANY_ID, SECRET, UUID, WRITES } from '../../support/problems.js';
import { useSharedApp } from '../../support/kit.js';

/** A body with every member that a route takes. */
const WHOLE: Record<string, Record<string, unknown>> = {
  '/tasks/route': {
    target: 'manager',
    from_role: 'finance',
    task: { task_type: 'x' },
    context: {},
  },
  '/sessions': {
    role: 'finance',
    agent_role: 'finance',
    id: ANY_ID,
    task_id: ANY_ID,
    metadata: {},
  },
  '/sessions/:id': { status: 'active', state: 'active', metadata: {}, task_id: ANY_ID },
  '/sessions/:id/events': { event: 'activate' },
  '/approvals': {
    task_id: ANY_ID,
    approver_role: 'manager',
    decision: 'pending',
    reason: 'x',
    comments: 'x',
    notes: 'x',
  },
  '/approvals/:id/decision': { decision: 'approved', comments: 'x' },
  '/approvals/:id/withdraw': { reason: 'x' },
  '/audit/ingest': {
    source: 's',
    category: 'c',
    action: 'a',
    subject: 'x',
    traceId: ANY_ID,
    timestamp: '2026-01-31T12:00:00Z',
    metadata: {},
    content: 'x',
  },
};

describe('no request causes a 500', () => {
  const mesh = useSharedApp();
  let client: Client;

  beforeAll(() => {
    client = new Client(mesh.url, tokenFor('finance'));
  });

  it('any value of any member of a body', async () => {
    const values: unknown[] = [
      null,
      true,
      0,
      -1,
      1.5,
      '',
      ' ',
      SECRET,
      '💣'.repeat(50),
      '\u202e\u2028',
      "'; DROP TABLE tasks; --",
      '%00',
      '../../etc/passwd',
      '$1',
      [],
      [[]],
      [null],
      {},
      { toString: SECRET },
      { length: 3 },
      { then: SECRET },
      { toJSON: SECRET, valueOf: SECRET },
    ];
    const session = await client.post('/sessions', { role: 'finance' });
    await client.put(`/sessions/${String(session.body.id)}`, { status: 'active' });
    const task = await client.post('/tasks/route', { target: 'x', task: { task_type: 'x' } });
    const ask = { task_id: task.body.task_id, approver_role: 'finance' };
    const approval = await client.post('/approvals', ask);
    for (const [method, template] of WRITES) {
      const id = template.startsWith('/approvals') ? approval.body.approval_id : session.body.id;
      const path = template.replace(ANY_ID, String(id));
      const whole = WHOLE[template.replace(ANY_ID, ':id')] ?? {};
      const known = 'task_id' in whole ? { ...whole, task_id: task.body.task_id } : whole;
      for (const member of [...Object.keys(whole), 'then', 'toJSON', 'length']) {
        const answers = await Promise.all(
          values.map((value) => client.call(method, path, { body: { ...known, [member]: value } })),
        );
        for (const { status, text, headers } of answers) {
          expect(`${method} ${path} ${member}: ${status}`).not.toMatch(/: 5\d\d$/);
          expect(headers.get('x-trace-id')).toMatch(UUID);
          if (status >= 400) expect(text).not.toContain(SECRET);
        }
      }
    }
  });

  it('any value of any query parameter', async () => {
    const values = [
      '',
      '%00',
      '%FF',
      "'",
      '%F0%9F%92%A3',
      '-1',
      '1e9',
      '[]',
      '{}',
      '%0A',
      'a'.repeat(3_000),
    ];
    const names = [
      'page',
      'page_size',
      'cursor',
      'status',
      'role',
      'task_id',
      'trace_id',
      'to_role',
      'from_role',
      'task_type',
      'created_since',
      'event_type',
      'from',
      'to',
      'approver_role',
      'a[b]',
      '__proto__',
      'constructor',
    ];
    for (const path of ['/sessions', '/tasks', '/approvals', '/audit/events', '/me', '/health']) {
      const answers = await Promise.all(
        names.flatMap((name) => values.map((value) => client.get(`${path}?${name}=${value}`))),
      );
      expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    }
    for (const path of ['/sessions/', '/tasks/', '/approvals/', '/idempotency/']) {
      const answers = await Promise.all(values.map((value) => client.get(`${path}${value}`)));
      expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    }
  });

  it('unusual headers change no status', async () => {
    const odd: Record<string, string>[] = [
      { 'x-trace-id': 'x'.repeat(5_000) },
      { traceparent: '00-'.repeat(500) },
      { 'if-match': '"'.repeat(500) },
      { 'if-none-match': ','.repeat(500) },
      { accept: 'nonsense' },
      { accept: '*/*;q=0' },
      { 'accept-language': 'x'.repeat(500) },
      { 'x-http-method-override': 'DELETE' },
      { 'x-forwarded-for': "'" },
    ];
    for (const headers of odd) {
      for (const path of ['/sessions', '/audit/events', `/sessions/${randomUUID()}`]) {
        const answer = await client.get(path, { headers });
        expect([200, 404]).toContain(answer.status);
        expect(answer.headers.get('x-trace-id')).toMatch(UUID);
      }
    }
  });

  it.each(['/status', '/health', '/health/live', '/sessions', '/nowhere', '/docs'])(
    '%s returns the trace id of the request',
    async (path) => {
      const trace = randomUUID();
      const answer = await client.get(path, { headers: { 'x-trace-id': trace } });
      expect(answer.headers.get('x-trace-id')).toBe(trace);
    },
  );
});
