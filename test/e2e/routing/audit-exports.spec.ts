import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { newSubject, tokenFor } from '../../support/app.js';
import { parseExport } from '../../support/audit.js';
import { until } from '../../support/eventually.js';
import { actorOf, expectProblem, useApp } from '../../support/kit.js';

const NDJSON = 'application/x-ndjson';

describe('An export of the audit log', () => {
  const mesh = useApp();

  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Inserts events of about 2 KB, and returns the role and the subject that can export them. */
  async function insertEvents(count: number): Promise<{ role: string; sub: string }> {
    const sub = newSubject('reporter');
    await mesh.query(
      `INSERT INTO audit_events (id, event_type, role, actor, trace_id, metadata)
       SELECT gen_random_uuid(), 'agent.test.export', 'finance', $1, gen_random_uuid(),
              jsonb_build_object('text', repeat('é', 1000))
         FROM generate_series(1, $2)`,
      [actorOf(sub), count],
    );
    return { role: newSubject('role'), sub };
  }

  /** Runs `work` while each query of the audit log fails. */
  async function withoutTable<T>(work: () => Promise<T>): Promise<T> {
    await mesh.query('ALTER TABLE audit_events RENAME TO audit_events_away');
    try {
      return await work();
    } finally {
      await mesh.query('ALTER TABLE audit_events_away RENAME TO audit_events');
    }
  }

  /** Requests an export over a connection of its own, and waits for its first bytes. */
  async function request(
    version: '1.0' | '1.1',
    { role, sub }: { role: string; sub: string },
  ): Promise<Socket> {
    const socket = connect(Number(new URL(mesh.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `GET /audit/events HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\nAccept: ${NDJSON}\r\nAuthorization: Bearer ${tokenFor(role, sub)}\r\n\r\n`,
    );
    await once(socket, 'readable');
    return socket;
  }

  it('ends with a line that counts the lines before it and has their digest', async () => {
    const { role, sub } = await insertEvents(600);
    const response = await mesh
      .agent(role, sub)
      .get('/audit/events', { headers: { accept: NDJSON } });
    const { events, end } = parseExport(response.text);
    const before = response.text.slice(
      0,
      response.text.lastIndexOf('\n', response.text.length - 2) + 1,
    );

    expect(events).toHaveLength(600);
    expect(end).toMatchObject({
      event_type: 'export_completed',
      role: 'system',
      actor: 'system',
      task_id: null,
      metadata: {},
      count: 600,
      digest: createHash('sha256').update(before).digest('hex'),
    });
  });

  it('has no event in common with the audit log in its last line', async () => {
    const { role, sub } = await insertEvents(1);
    const response = await mesh
      .agent(role, sub)
      .get('/audit/events', { headers: { accept: NDJSON } });
    const { end } = parseExport(response.text);

    expect(
      await mesh.query(
        `SELECT 1 FROM audit_events WHERE id = $1 OR event_type = 'export_completed'`,
        [end.id],
      ),
    ).toEqual([]);
  });

  it.each(['1.0', '1.1'] as const)(
    'has no last line if it fails over HTTP/%s, and logs the cause',
    async (version) => {
      const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
      const caller = await insertEvents(4_000);
      const socket = await request(version, caller);
      const received = await withoutTable(async () => {
        // The server waits for the client; the next page fails.
        socket.resume();
        const body = text(socket).catch(() => 'closed');
        await until(() => error.mock.calls.length > 0);
        return body;
      });

      expect(received).not.toContain('export_completed');
      expect(received.endsWith('0\r\n\r\n')).toBe(false);
      expect(error.mock.calls[0]?.[0]).toMatch(
        /^The export failed after \d+ lines\. .*audit_events/,
      );
    },
  );

  it('is a problem document if it fails before the first line', async () => {
    const { role, sub } = await insertEvents(1);
    const response = await withoutTable(() =>
      mesh.agent(role, sub).get('/audit/events', { headers: { accept: NDJSON } }),
    );

    expectProblem(response, 500, 'server.error');
  });

  it('logs no failure if the client disconnects', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const socket = await request('1.1', await insertEvents(4_000));
    socket.destroy();
    await mesh.agent('auditor').get('/audit/events?page_size=1');

    expect(error).not.toHaveBeenCalled();
  });

  it('is not read for HEAD', async () => {
    const { role, sub } = await insertEvents(1);
    const response = await withoutTable(() =>
      fetch(`${mesh.url}/audit/events`, {
        method: 'HEAD',
        headers: { accept: NDJSON, authorization: `Bearer ${tokenFor(role, sub)}` },
      }),
    );

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(NDJSON);
  });

  it.each(['?cursor=x', '?from=x'])('is 400 for HEAD with %s', async (query) => {
    const response = await fetch(`${mesh.url}/audit/events${query}`, {
      method: 'HEAD',
      headers: { accept: NDJSON, authorization: `Bearer ${tokenFor('auditor')}` },
    });

    expect(response.status).toBe(400);
  });
});
