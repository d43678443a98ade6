import { newDatabase, startTestApp, type TestApp } from './app.js';
import { Matter } from './approvals.js';
import { newSigningKey, ORIGIN, sealing, untilSigned } from './audit-log.js';
import { times } from './kit.js';
import { withClient } from './catalog.js';
import { untilSequenced } from './events.js';

const REPORT = { source: 'test', category: 'report', action: 'old' };

/** A sealed log with entries of three times, in a database that no controller uses. */
export interface OldLog {
  readonly url: string;
  readonly key: string;
  /** The heads, the smallest first. */
  readonly published: string[];
  /** A decided approval. All its events are in the first month. */
  readonly approvalId: string;
  /** Its requester. */
  readonly requester: { readonly role: string; readonly subject: string };
  /** The first events, before they are archived. */
  readonly eventIds: readonly string[];
}

/** Ages of the events, in days: in three months. */
const AGES = { first: 110, second: 70 } as const;

/** Creates a log with about 600 entries that are 110 days old, about 300 that are 70 days old, and some of today. */
export async function createOldLog(): Promise<OldLog> {
  const key = newSigningKey();
  const url = await newDatabase();
  const unsealed = { databaseUrl: url, env: { AUDIT_SEAL: 'false' } };

  const first = await startTestApp(unsealed);
  const matter = await Matter.open(first);
  const approvalId = await matter.ask();
  await matter.decide(approvalId);
  await report(first, 600);
  await first.close();
  await age(url, AGES.first - AGES.second);

  const second = await startTestApp(unsealed);
  await report(second, 300);
  await second.close();
  await age(url, AGES.second);

  const env = sealing(key, { AUDIT_VERIFY_TILES_PER_MINUTE: '0', AUDIT_LOG_ORIGIN: ORIGIN });
  const present = await startTestApp({ databaseUrl: url, env });
  await Matter.open(present);
  await untilSigned(present);
  const heads = await present.query<{ checkpoint: string }>(
    'SELECT checkpoint FROM audit_heads ORDER BY size',
  );
  const events = await present.query<{ event_id: string }>(
    'SELECT event_id FROM event_log ORDER BY position LIMIT 20',
  );
  await present.close();
  return {
    ...{ url, key, published: heads.map(({ checkpoint }) => checkpoint), approvalId },
    requester: { role: matter.from, subject: matter.router },
    eventIds: events.map(({ event_id }) => event_id),
  };
}

async function report(mesh: TestApp, count: number): Promise<void> {
  const answer = await mesh.agent('legal').post(
    '/audit/ingest',
    times(count, () => REPORT),
  );
  if (answer.status !== 202) throw new Error(`The reports were answered with ${answer.status}`);
  await untilSequenced(mesh);
}

/** Makes all rows older, as if they had been written before. */
async function age(url: string, days: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('SET session_replication_role = replica');
    for (const [table, columns] of Object.entries(TIMES)) {
      const values = columns.map(
        (column) => `${column} = ${column} - make_interval(days => ${days})`,
      );
      await client.query(`UPDATE ${table} SET ${values.join(', ')}`);
    }
  });
}

const TIMES = {
  audit_events: ['timestamp'],
  audit_event_readers: ['timestamp'],
  tasks: ['created_at'],
  sessions: ['created_at', 'updated_at', 'task_created_at'],
  approvals: ['created_at', 'decision_at'],
  approval_votes: ['created_at'],
};
