import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenWithoutDefaultRole } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { auditEvent, listEvents, REPORT } from '../../support/audit.js';
import { useSharedApp, actorOf, expectProblem } from '../../support/kit.js';

interface AckBody {
  event_id: string;
  status: string;
  trace_id: string;
}

describe('POST /audit/ingest', () => {
  const mesh = useSharedApp();

  it('records an event with the role and subject of the token, at the time of the controller', async () => {
    const sub = newSubject('reporter');
    const trace = randomUUID();
    const answer = await mesh.agent('finance', sub).post<AckBody>('/audit/ingest', {
      ...REPORT,
      subject: 'invoice 4711',
      traceId: trace,
      timestamp: '2020-01-31T12:00:00.123+01:00',
      metadata: { rule: 'limit' },
      content: 'Over the limit',
    });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'accepted',
      trace_id: trace,
    });
    const event = await auditEvent(mesh, answer.body.event_id);
    expect(event).toMatchObject({
      event_type: 'agent.policy.evaluated',
      role: 'finance',
      actor: actorOf(sub),
      trace_id: trace,
      task_id: null,
      metadata: {
        rule: 'limit',
        source: 'policy-engine',
        subject: 'invoice 4711',
        content: 'Over the limit',
        reported_at: '2020-01-31T12:00:00.123+01:00',
        request_trace_id: answer.headers.get('x-trace-id'),
      },
    });
    expect(Date.now() - Date.parse(event.timestamp)).toBeLessThan(60_000);
  });

  it('uses the trace id of the request without traceId, and accepts a UUID in any form', async () => {
    const own = await mesh.agent('finance').post<AckBody>('/audit/ingest', REPORT);
    expect(own.body.trace_id).toBe(own.headers.get('x-trace-id'));
    const trace = randomUUID();
    for (const traceId of [trace.toUpperCase(), trace.replaceAll('-', '')]) {
      const given = await mesh
        .agent('finance')
        .post<AckBody>('/audit/ingest', { ...REPORT, traceId });
      expect(given.body.trace_id).toBe(trace);
    }
  });

  it.each(['text', { any: ['thing', null, { toString: 'x' }] }, ['list'], 7, false])(
    'accepts content of any JSON type: %j',
    async (content) => {
      const { body } = await mesh.agent('finance').post<AckBody>('/audit/ingest', {
        ...REPORT,
        content,
      });
      expect((await auditEvent(mesh, body.event_id)).metadata.content).toEqual(content);
    },
  );

  it('keeps metadata members named subject, content or reported_at', async () => {
    const metadata = { subject: 's', content: ['c'], reported_at: 'r', toString: 1 };
    const { body } = await mesh.agent('finance').post<AckBody>('/audit/ingest', {
      ...REPORT,
      metadata,
    });
    const { request_trace_id, ...kept } = (await auditEvent(mesh, body.event_id)).metadata;
    expect(request_trace_id).toBe(body.trace_id);
    expect(kept).toEqual({ ...metadata, source: 'policy-engine' });
  });

  it('ignores role, actor and request_trace_id in metadata', async () => {
    const sub = newSubject('reporter');
    const { body } = await mesh.agent('finance', sub).post<AckBody>('/audit/ingest', {
      ...REPORT,
      metadata: { role: 'admin', actor: 'system', request_trace_id: randomUUID() },
    });
    const event = await auditEvent(mesh, body.event_id);
    expect(event).toMatchObject({ role: 'finance', actor: actorOf(sub) });
    expect(event.metadata.request_trace_id).toBe(body.trace_id);
  });

  it.each([
    [{}, ['/source', '/category', '/action']],
    [{ ...REPORT, source: '' }, ['/source']],
    [{ ...REPORT, source: 's'.repeat(201) }, ['/source']],
    [{ ...REPORT, source: 7 }, ['/source']],
    [{ ...REPORT, category: 'two words' }, ['/category']],
    [{ ...REPORT, category: 'a..b' }, ['/category']],
    [{ ...REPORT, category: '.a' }, ['/category']],
    [{ ...REPORT, action: 'a.' }, ['/action']],
    [{ ...REPORT, action: '' }, ['/action']],
    [{ ...REPORT, action: 'ä' }, ['/action']],
    [{ ...REPORT, action: 'x\n' }, ['/action']],
    [{ ...REPORT, category: 'c'.repeat(44) }, ['/category']],
    [{ ...REPORT, category: 'c'.repeat(20), action: 'a'.repeat(24) }, ['/action']],
    [{ ...REPORT, subject: 's'.repeat(1001) }, ['/subject']],
    [{ ...REPORT, subject: {} }, ['/subject']],
    [{ ...REPORT, traceId: ' ' }, ['/traceId']],
    [{ ...REPORT, traceId: 'a\nb' }, ['/traceId']],
    [{ ...REPORT, traceId: 'x\u200b' }, ['/traceId']],
    [{ ...REPORT, traceId: 'x'.repeat(201) }, ['/traceId']],
    [{ ...REPORT, traceId: 7 }, ['/traceId']],
    [{ ...REPORT, timestamp: 'yesterday' }, ['/timestamp']],
    [{ ...REPORT, timestamp: 1_700_000_000 }, ['/timestamp']],
    [{ ...REPORT, timestamp: '2026-02-30T00:00:00Z' }, ['/timestamp']],
    [{ ...REPORT, metadata: [] }, ['/metadata']],
    [{ ...REPORT, metadata: 'x' }, ['/metadata']],
    [{ ...REPORT, role: 'admin' }, ['/role']],
    [{ ...REPORT, actor: 'system', event_type: 'task_routed' }, ['/actor', '/event_type']],
  ])('400 with %j', async (body, pointers) => {
    const answer = await mesh
      .agent('finance')
      .post<{ errors: { pointer: string }[] }>('/audit/ingest', body);
    expect(answer.status).toBe(400);
    expect(new Set(answer.body.errors.map(({ pointer }) => pointer))).toEqual(new Set(pointers));
  });

  it('accepts dots in category and action, and prefixes the event type with agent', async () => {
    for (const [category, action] of [
      ['agent.action', 'task.sent'],
      ['task_routed', 'x'],
      ['a', 'b.c'],
    ]) {
      const { body } = await mesh.agent('finance').post<AckBody>('/audit/ingest', {
        ...{ source: 's', category, action },
      });
      const { event_type } = await auditEvent(mesh, body.event_id);
      expect(event_type).toBe(`agent.${category}.${action}`);
    }
  });

  it('derives one trace id from a traceId that is not a UUID', async () => {
    const traceId = `trace-${newSubject('x')}`;
    const [one, two] = [mesh.agent('finance'), mesh.agent('legal')];
    const first = await one.post<AckBody>('/audit/ingest', { ...REPORT, traceId });
    const second = await two.post<AckBody>('/audit/ingest', { ...REPORT, traceId });
    const other = await one.post<AckBody>('/audit/ingest', { ...REPORT, traceId: `${traceId}2` });
    expect(first.body.trace_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab]/);
    expect(second.body.trace_id).toBe(first.body.trace_id);
    expect(other.body.trace_id).not.toBe(first.body.trace_id);
    expect((await auditEvent(mesh, first.body.event_id)).metadata.reported_trace_id).toBe(traceId);
    const events = await listEvents(mesh.agent('auditor'), `trace_id=${first.body.trace_id}`);
    expect(events).toHaveLength(2);
  });

  it('stores no reported_trace_id when traceId is empty or a UUID', async () => {
    const empty = await mesh.agent('finance').post<AckBody>('/audit/ingest', {
      ...{ ...REPORT, traceId: '' },
    });
    expect(empty.body.trace_id).toBe(empty.headers.get('x-trace-id'));
    const uuid = await mesh.agent('finance').post<AckBody>('/audit/ingest', {
      ...{ ...REPORT, traceId: randomUUID() },
    });
    for (const { event_id } of [empty.body, uuid.body])
      expect((await auditEvent(mesh, event_id)).metadata).not.toHaveProperty('reported_trace_id');
  });

  it('accepts category and action of 43 characters together', async () => {
    const body = { ...REPORT, category: 'c'.repeat(20), action: 'a'.repeat(23) };
    const answer = await mesh.agent('finance').post<AckBody>('/audit/ingest', body);
    expect((await auditEvent(mesh, answer.body.event_id)).event_type).toHaveLength(50);
  });

  it('400 when the token has several roles and no default, 403 when it has none', async () => {
    const ambiguous = new Client(mesh.url, tokenWithoutDefaultRole(['finance', 'legal']));
    expectProblem(await ambiguous.post('/audit/ingest', REPORT), 400, 'auth.role_ambiguous');
    const nobody = new Client(mesh.url, tokenWithoutDefaultRole([]));
    expectProblem(await nobody.post('/audit/ingest', REPORT), 403, 'auth.role_not_held');
  });

  it('records 40 concurrent reports once each', async () => {
    const sub = newSubject('reporter');
    const client = mesh.agent(newSubject('role'), sub);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        client.post<AckBody>('/audit/ingest', { ...REPORT, metadata: { n } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    const events = await listEvents(client, 'page_size=100');
    expect(events.map(({ id }) => id).sort()).toEqual(
      answers.map(({ body }) => body.event_id).sort(),
    );
  });
});
