import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Checkpoint } from '../../../packages/verify/src/note.js';
import { migrate } from '../../../src/database/migrate.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import {
  newSigningKey,
  openCheckpoint,
  sealing,
  untilSigned,
  verifyLog,
} from '../../support/audit-log.js';
import { copyDatabase } from '../../support/copy-database.js';
import { until } from '../../support/eventually.js';
import {
  type CloudEvent,
  type EventPage,
  readEvents,
  StreamReader,
  untilSequenced,
} from '../../support/events.js';
import { expectProblem, routeTask, useApp } from '../../support/kit.js';
import { startNewPostgres, type TestPostgres } from '../../support/postgres.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

/** A copy of an earlier state in another cluster: the restored database lacks the latest events. */
const UNDELIVERED = `SELECT FROM webhook_deliveries WHERE status <> 'delivered'`;

describe('a database that is restored into another cluster', () => {
  const key = newSigningKey();
  const origin = useApp({ env: sealing(key) });
  let receiver: WebhookReceiver;
  let postgres: TestPostgres;
  let restored: TestApp;
  let kept: CloudEvent[];
  let lost: EventPage;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    postgres = await startNewPostgres();
    await migrate(postgres.url);
    const body = { url: receiver.url, types: ['task.routed'] };
    expect((await origin.agent('admin').post('/webhooks', body)).status).toBe(201);
    await routeTask(origin, 'finance', 'manager');
    await receiver.untilCount(1);
    await until(async () => (await origin.query(UNDELIVERED)).length === 0);
    await untilSequenced(origin);
    await untilSigned(origin);
    await copyDatabase(origin.databaseUrl, postgres.url);
    kept = await readEvents(origin.agent('auditor'));

    await routeTask(origin, 'finance', 'manager');
    await receiver.untilCount(2);
    await untilSequenced(origin);
    lost = (await origin.agent('auditor').get<EventPage>('/events')).body;
    restored = await startTestApp({ databaseUrl: postgres.url, env: sealing(key) });
  });

  afterAll(async () => {
    await restored.close();
    await postgres.stop();
    await receiver.close();
  });

  it('has the events up to the copy at their positions', async () => {
    expect(await readEvents(restored.agent('auditor'))).toEqual(kept);
  });

  it('refuses the cursor of a lost event before and after the first new event, with the oldest one', async () => {
    const auditor = restored.agent('auditor');
    const before = await auditor.get(`/events?after=${lost.next}`);
    expectProblem(before, 410, 'events.cursor_gone');
    await routeTask(restored, 'finance', 'manager');
    await untilSequenced(restored);
    const after = await auditor.get(`/events?after=${lost.next}`);
    expectProblem(after, 410, 'events.cursor_gone');
    expect(after.body.oldest).toBe(`2.${kept.length}`);
    expectProblem(
      await auditor.get(`/events/stream?after=${lost.next}`),
      410,
      'events.cursor_gone',
    );
  });

  it('continues after the last common position, for pages and streams', async () => {
    const auditor = restored.agent('auditor');
    const { body } = await auditor.get<EventPage>(`/events?after=1.${kept.length}`);
    expect(body.events.map(({ sequence }) => Number(sequence))).toEqual(
      body.events.map((_, index) => kept.length + index + 1),
    );
    expect(body.next).toBe(`2.${kept.length + body.events.length}`);
    expect(body.events.map(({ id }) => id)).not.toEqual(
      lost.events.slice(kept.length).map(({ id }) => id),
    );

    const url = `${restored.url}/events/stream?after=1.${kept.length}`;
    const types = [...new Set(body.events.map(({ type }) => type))];
    const reader = new StreamReader(url, tokenFor('auditor', newSubject('auditor')), types);
    await reader.untilCount(body.events.length);
    reader.close();
    expect(reader.events.map(({ event }) => event)).toEqual(body.events);
    expect(reader.events[0]?.cursor).toBe(`2.${kept.length + 1}`);
  });

  it('sends webhooks of new events with ids that no lost event had', async () => {
    await receiver.untilCount(3);
    const [first, second, third] = receiver.received;
    expect(first?.id).toBe(`evt_${first?.event.sequence}`);
    expect(second?.id).toBe(`evt_${second?.event.sequence}`);
    expect(third?.id).toBe(`evt_2_${third?.event.sequence}`);
    expect(receiver.received).toHaveLength(3);
  });

  it('continues the sealed log, which verifies up to the copy with the heads from before', async () => {
    await routeTask(restored, 'finance', 'manager');
    await untilSigned(restored);
    await untilSigned(origin);
    const verify = (heads: Checkpoint[] = []) =>
      verifyLog(postgres.url, key, { heads, maxUnsigned: 0 });
    expect((await verify()).findings).toEqual([]);
    const heads = await origin.query<{ checkpoint: string }>(
      'SELECT checkpoint FROM audit_heads ORDER BY size',
    );
    const published = heads.map(({ checkpoint }) => openCheckpoint(checkpoint, key));
    const copied = published.filter(({ size }) => size <= kept.length);
    expect(copied.length).toBeGreaterThan(0);
    expect((await verify(copied)).findings).toEqual([]);
    // Only the heads of the lost events show that there were some.
    expect((await verify(published)).findings.map(({ kind }) => kind)).toEqual(['DIVERGED']);
  });

  it('refuses the cursor of a lost event with the oldest one that is not archived', async () => {
    await restored.query('UPDATE audit_log SET pruned = size');
    const [log] = await restored.query<{ archived: number }>(
      'SELECT (first_position + pruned - 1)::int AS archived FROM audit_log',
    );
    expect(log?.archived).toBeGreaterThan(kept.length);
    const gone = await restored.agent('auditor').get(`/events?after=${lost.next}`);
    expectProblem(gone, 410, 'events.cursor_gone');
    expect(gone.body.oldest).toBe(`2.${log?.archived}`);
  });
});
