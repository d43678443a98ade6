import { describe, expect, it } from '@jest/globals';
import { useSharedApp, expectProblem } from '../../support/kit.js';
import { createSession, sessionInStatus } from '../../support/sessions.js';

describe('PUT /sessions/:id/events', () => {
  const mesh = useSharedApp();

  it.each(['ACTIVATE', 'activate', 'AcTiVaTe'])(
    'activates the session with the event %s',
    async (event) => {
      const client = mesh.agent('manager');
      const { id } = await createSession(client, 'manager');
      const answer = await client.put(`/sessions/${id}/events`, { event });
      expect(answer).toMatchObject({ status: 200, body: { status: 'active', version: 2 } });
      expect(answer.headers.get('etag')).toBe(`"${id}.2"`);
    },
  );

  it.each([
    ['complete', 'completed'],
    ['fail', 'failed'],
  ])('the event %s leads to %s, and 409 a second time', async (event, status) => {
    const client = mesh.agent('manager');
    const { id } = await sessionInStatus('active', client, 'manager');
    const answer = await client.put(`/sessions/${id}/events`, { event: event.toUpperCase() });
    expect(answer.body).toMatchObject({ status, state: status });
    const again = await client.put(`/sessions/${id}/events`, { event });
    expectProblem(again, 409, 'lifecycle.invalid_transition');
    expect(again.body.detail).toBe(`Invalid transition from ${status} to ${status}`);
  });

  it.each([{}, { event: 'expire' }, { event: '' }, { event: 7 }, { event: ['activate'] }])(
    '400 with %j, with “Invalid transition” in the detail',
    async (body) => {
      const client = mesh.agent('manager');
      const { id } = await createSession(client, 'manager');
      const answer = await client.put(`/sessions/${id}/events`, body);
      expectProblem(answer, 400, 'request.invalid');
      expect(answer.body.detail).toContain('Invalid transition');
    },
  );

  it('412 when If-Match does not name the current version', async () => {
    const client = mesh.agent('manager');
    const { id } = await createSession(client, 'manager');
    const stale = { 'if-match': `"${id}.7"` };
    const answer = await client.put(`/sessions/${id}/events`, { event: 'activate' }, stale);
    expectProblem(answer, 412, 'session.version_mismatch');
  });
});
