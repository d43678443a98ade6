import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { parseExport, REPORT } from '../../support/audit.js';
import { useSharedApp, actorOf, expectProblem } from '../../support/kit.js';

describe('GET /audit/events as NDJSON', () => {
  const mesh = useSharedApp();

  const NDJSON = { accept: 'application/x-ndjson' };

  it('streams all events, one per line, over several pages', async () => {
    const sub = newSubject('reporter');
    await mesh.query(
      `INSERT INTO audit_events (id, event_type, role, actor, trace_id)
     SELECT gen_random_uuid(), 'agent.test.stream', 'finance', $1, gen_random_uuid()
       FROM generate_series(1, 1203)`,
      [actorOf(sub)],
    );
    const answer = await mesh
      .agent(newSubject('role'), sub)
      .get('/audit/events', { headers: NDJSON });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
    const { events, end } = parseExport(answer.text);
    expect(end.count).toBe(1203);
    expect(new Set(events.map(({ id }) => id)).size).toBe(1203);
    expect(events.every(({ actor }) => actor === actorOf(sub))).toBe(true);
  });

  it('applies the filters, and has no events when nothing matches', async () => {
    const client = mesh.agent(newSubject('reporter'));
    await client.post('/audit/ingest', REPORT);
    await client.post('/audit/ingest', { ...REPORT, action: 'asked' });
    const some = await client.get('/audit/events?event_type=agent.policy.asked', {
      headers: NDJSON,
    });
    expect(parseExport(some.text).events).toHaveLength(1);
    const none = await client.get(`/audit/events?trace_id=${randomUUID()}`, { headers: NDJSON });
    expect(none.status).toBe(200);
    expect(parseExport(none.text)).toMatchObject({ events: [], end: { count: 0 } });
  });

  it('400 with invalid parameters and 401 without a token, as problem documents', async () => {
    const bad = await mesh.agent('auditor').get('/audit/events?from=x', { headers: NDJSON });
    expectProblem(bad, 400, 'request.invalid');
    expect(bad.headers.get('content-type')).toContain('application/problem+json');
    const nobody = await new Client(mesh.url).get('/audit/events', { headers: NDJSON });
    expectProblem(nobody, 401, 'auth.token_missing');
  });

  it('streams all events after 15 aborted requests, and leaves no listener', async () => {
    const sub = newSubject('reporter');
    await mesh.query(
      `INSERT INTO audit_events (id, event_type, role, actor, trace_id, metadata)
     SELECT gen_random_uuid(), 'agent.test.stream', 'finance', $1, gen_random_uuid(),
            jsonb_build_object('text', repeat('x', 2000))
       FROM generate_series(1, 3000)`,
      [actorOf(sub)],
    );
    const token = tokenFor(newSubject('role'), sub);
    for (let i = 0; i < 15; i++) {
      const stop = new AbortController();
      const response = await fetch(`${mesh.url}/audit/events`, {
        headers: { ...NDJSON, authorization: `Bearer ${token}` },
        signal: stop.signal,
      });
      const reader = response.body?.getReader();
      await reader?.read();
      stop.abort();
    }
    let listeners = 0;
    mesh.app.getHttpServer().once('request', (_request, response: ServerResponse) => {
      response.once('finish', () => {
        listeners = response.listenerCount('close');
      });
    });
    const whole = await new Client(mesh.url, token).get('/audit/events', { headers: NDJSON });
    expect(parseExport(whole.text).events).toHaveLength(3000);
    expect(listeners).toBeLessThan(10);
  });
});
