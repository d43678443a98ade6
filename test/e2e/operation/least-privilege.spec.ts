import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newDatabase } from '../../support/app.js';
import { readEvents, untilSequenced } from '../../support/events.js';
import { eventually, until } from '../../support/eventually.js';
import { History } from '../../support/history.js';
import { check } from '../../support/history-check.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { chaosSeed, Random } from '../../support/random.js';
import { readStored } from '../../support/stored-rows.js';
import { WorkloadClient } from '../../support/workload.js';
import { routeTask, useApp } from '../../support/kit.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

const SCRIPT = readFileSync('docs/operations/application-role.sql', 'utf8');
const OPERATIONS = 60;
const MOST_MS = 20_000;

describe('the database role of docs/operations/application-role.sql', () => {
  let ownerUrl: string;
  let owner: pg.Client;
  let roleUrl: string;
  let role: pg.Client;

  beforeAll(async () => {
    ownerUrl = await newDatabase();
    owner = new pg.Client({ connectionString: ownerUrl });
    await owner.connect();
    await owner.query(`CREATE ROLE mesh_app LOGIN PASSWORD 'mesh'`);
    await owner.query(SCRIPT);
    await owner.query(SCRIPT);
    roleUrl = Object.assign(new URL(ownerUrl), { username: 'mesh_app', password: 'mesh' }).href;
    role = new pg.Client({ connectionString: roleUrl });
    await role.connect();
  });

  afterAll(async () => {
    await role.end();
    await owner.query('DROP OWNED BY mesh_app; DROP ROLE mesh_app');
    await owner.end();
    await dropTestDatabase(ownerUrl);
  });

  describe('lets the controller', () => {
    const mesh = useApp(() => ({
      databaseUrl: roleUrl,
      env: { SWEEP_INTERVAL_SECONDS: '1', LEASE_MIN_SECONDS: '1' },
    }));

    it('route, claim, complete, release, retry, cancel, approve and record', async () => {
      const history = new History();
      const end = performance.now() + MOST_MS;
      const field = {
        history,
        patience: end + MOST_MS,
        urls: () => [mesh.url],
        isOpen: () => history.operations.length < OPERATIONS && performance.now() < end,
      };
      const habits = { storms: 0.2, abandons: 0, pause: 0 };
      const random = new Random(chaosSeed());
      const agents = ['1', '2', '3', '4'].map(
        (name) => new WorkloadClient(name, field, random.fork(), habits),
      );
      await Promise.all(agents.map((agent) => agent.run()));
      expect(check(history.operations, await readStored(owner))).toEqual([]);
      expect(history.operations.length).toBeGreaterThan(20);
    });

    it('pause and resume a role', async () => {
      const admin = mesh.agent('admin');
      for (const reason of ['Maintenance', 'More maintenance'])
        expect(await admin.post('/roles/legal/pause', { reason })).toMatchObject({ status: 200 });
      expect(await admin.post('/roles/legal/resume', {})).toMatchObject({ status: 200 });
    });

    it('store reports, and delete idempotency records', async () => {
      const agent = mesh.agent('finance');
      const report = { source: 'policy-engine', category: 'policy', action: 'evaluated' };
      expect((await agent.post('/audit/ingest', report)).status).toBe(202);

      await owner.query(`UPDATE idempotency_records SET expires_at = now() - interval '1 hour'`);
      const left = await eventually(
        async () => (await owner.query('SELECT FROM idempotency_records')).rowCount,
        (count) => count === 0,
      );
      expect(left).toBe(0);
    });

    it('number events, stream them, and send, repeat and delete webhooks', async () => {
      const receiver = await WebhookReceiver.start();
      const admin = mesh.agent('admin');
      const types = ['task.routed'];
      // A webhook receives the events that have a position after its creation.
      await untilSequenced(mesh);
      const { body } = await admin.post<{ id: string }>('/webhooks', { url: receiver.url, types });
      const path = `/webhooks/${body.id}`;
      await admin.call('PATCH', path, { body: { description: 'least privilege' } });
      await admin.post(`${path}/rotate`, {});
      const task = await routeTask(mesh, 'finance', 'manager');
      await receiver.untilCount(1);
      expect(receiver.received[0]?.event.subject).toBe(task);
      await untilSequenced(mesh);
      const events = await readEvents(mesh.agent('auditor'));
      expect(events.map(({ sequence }) => Number(sequence))).toEqual(
        events.map((_, index) => index + 1),
      );

      expect((await admin.post(`${path}/test`)).status).toBe(202);
      await receiver.untilCount(2);
      const position = Number(receiver.received[0]?.event.sequence);
      const again = await admin.post(`${path}/deliveries/${position}/redeliver`);
      expect(again.status).toBe(202);
      await receiver.untilCount(3);
      receiver.respond = (_, response) => response.writeHead(500).end();
      expect((await admin.post(`${path}/replay`, { after: '0' })).status).toBe(202);
      await receiver.untilCount(4);
      await owner.query(
        `UPDATE webhook_deliveries SET status = 'failed', ended_at = now() - interval '15 days'
          WHERE status = 'pending' AND sending_until IS NULL`,
      );
      await until(async () => {
        const old = `SELECT FROM webhook_deliveries WHERE ended_at < now() - interval '14 days'`;
        return (await owner.query(old)).rowCount === 0;
      });
      expect((await admin.call('DELETE', path)).status).toBe(204);
      await receiver.close();
    });
  });

  it('lets it raise a conflict', async () => {
    await expect(role.query(`SELECT raise_conflict('Taken.')`)).rejects.toMatchObject({
      code: 'MC001',
    });
  });

  it.each([
    'CREATE TABLE mine (id integer)',
    'CREATE TEMPORARY TABLE mine (id integer)',
    'CREATE SCHEMA mine',
    'CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$',
    'ALTER TABLE tasks ADD COLUMN mine integer',
    'DROP TABLE approvals',
    'DROP INDEX idx_sessions_status',
    'UPDATE audit_events SET role = role',
    'DELETE FROM audit_events',
    'UPDATE audit_events SET salt = salt',
    ...['n', 'tx', 'erased', 'from_role', 'to_role'].map(
      (column) => `INSERT INTO audit_events (${column}) VALUES (NULL)`,
    ),
    'UPDATE audit_log SET origin = origin',
    'DELETE FROM audit_log',
    'DELETE FROM audit_tiles',
    'UPDATE audit_heads SET checkpoint = checkpoint',
    'TRUNCATE audit_events',
    'DROP TRIGGER audit_events_append_only ON audit_events',
    'ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only',
    `CREATE OR REPLACE FUNCTION audit_events_refuse_change() RETURNS trigger LANGUAGE plpgsql
       AS $$ BEGIN RETURN NULL; END $$`,
    'SET session_replication_role = replica',
    'UPDATE approval_votes SET decision = decision',
    'DELETE FROM approval_votes',
    'UPDATE tasks SET description = description',
    'DELETE FROM tasks',
    'UPDATE event_log SET position = position',
    'DELETE FROM event_log',
    'DELETE FROM event_log_head',
    'DELETE FROM event_log_epochs',
    `SELECT setval('audit_events_n_seq', 1)`,
    'DELETE FROM sessions',
    'DELETE FROM approvals',
    `INSERT INTO migrations (timestamp, name) VALUES (1, 'mine')`,
    'ALTER ROLE mesh_app SUPERUSER',
  ])('does not allow: %s', async (statement) => {
    await expect(role.query(statement)).rejects.toMatchObject({ code: '42501' });
  });
});
