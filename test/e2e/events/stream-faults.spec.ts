import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  newSubject,
  newDatabase,
  startTestApp,
  type TestApp,
  TEST_SECRET,
  tokenFor,
} from '../../support/app.js';
import { readEvents, StreamReader, untilSequenced } from '../../support/events.js';
import { until } from '../../support/eventually.js';
import { expectProblem, routeTask, useApp } from '../../support/kit.js';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.js';
import { signedToken } from '../../support/signed-token.js';
import { metrics } from '../../support/work.js';

const TYPES = ['task.routed', 'session.created', 'attempt.opened'];

describe('an event stream', () => {
  const mesh = useApp({ env: { MAX_IN_FLIGHT: '2' } });

  it('ends with token_expired when the token expires', async () => {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: 'agent-mesh-dev', sub: newSubject('auditor'), roles: ['auditor'] };
    const token = signedToken(
      { alg: 'HS256', typ: 'JWT' },
      { ...claims, role: 'auditor', iat, exp: iat + 3 },
      TEST_SECRET,
    );
    const reader = new StreamReader(`${mesh.url}/events/stream`, token, TYPES);
    await reader.untilOpen();
    await until(() => reader.ends.length > 0);
    reader.close();

    expect(reader.ends).toEqual(['token_expired']);
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(iat + 3);
  });

  it('counts as a waiting request, so that it does not take the place of others', async () => {
    const auditor = mesh.agent('auditor');
    const open = await Promise.all([
      auditor.open('/events/stream'),
      auditor.open('/events/stream'),
    ]);
    expect(open.map(({ status }) => status)).toEqual([200, 200]);
    const valueOf = await metrics(mesh);
    expect(valueOf('http_requests_in_flight{kind="waiting"}')).toBe(2);
    expect((await auditor.open('/events/stream')).status).toBe(503);
    expect((await auditor.get('/events')).status).toBe(200);

    for (const { body } of open) await body?.cancel();
    const CLOSED = 'mesh_event_streams_ended_total{reason="closed"}';
    await until(async () => (await metrics(mesh))(CLOSED) >= 2);
  });

  it('is refused with a cursor beyond the end of the log', async () => {
    const answer = await mesh.agent('auditor').get('/events/stream?after=1.999999');
    expectProblem(answer, 410, 'events.cursor_gone');
  });
});

describe('an event stream at a restart of PostgreSQL', () => {
  let postgres: TestPostgres;
  let mesh: TestApp;

  beforeAll(async () => {
    postgres = await startTestPostgres();
    mesh = await startTestApp({ databaseUrl: await newDatabase(postgres.url) });
  });

  afterAll(async () => {
    await mesh.close();
    await postgres.stop();
  });

  it('continues without a missing or repeated event', async () => {
    const url = `${mesh.url}/events/stream?after=0`;
    const reader = new StreamReader(url, tokenFor('auditor', newSubject('auditor')), TYPES);
    await reader.untilOpen();
    await routeTask(mesh, 'finance', 'manager');
    await reader.untilCount(1);
    await postgres.restart();
    await until(async () => {
      const answer = await mesh
        .agent('finance')
        .post('/tasks/route', { target: 'manager', task: { task_type: 'approval' } });
      return answer.status === 202;
    });
    await untilSequenced(mesh);
    const all = await readEvents(mesh.agent('auditor'));
    await reader.untilCount(all.length);
    reader.close();

    expect(reader.events.map(({ event }) => event)).toEqual(all);
    expect(reader.ends).toEqual([]);
  });
});
