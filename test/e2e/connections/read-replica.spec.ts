import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import { migrate } from '../../../src/database/migrate.js';
import { ListReadsService } from '../../../src/database/replica/list-reads.service.js';
import { sql } from '../../../src/database/sql.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Matter } from '../../support/approvals.js';
import { newSigningKey, sealing, untilSigned } from '../../support/audit-log.js';
import { type EventPage, parseExport, REPORT } from '../../support/audit.js';
import { withClient } from '../../support/catalog.js';
import { type Answer, Client } from '../../support/client.js';
import { ControllerHealth } from '../../support/controller-health.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { eventually, until } from '../../support/eventually.js';
import { times, useApp } from '../../support/kit.js';
import { itListsLateEvents } from '../../support/late-events.js';
import {
  createTestDatabase,
  dropTestDatabase,
  MIGRATED,
  writeAsServer,
} from '../../support/postgres.js';
import { runOperatorCommand } from '../../support/operator-commands.js';
import { PgBouncer } from '../../support/pgbouncer.js';
import { StreamingReplica } from '../../support/streaming-replica.js';
import type { RoutedTask, TaskPage } from '../../support/tasks.js';
import { metrics, type SessionBody } from '../../support/work.js';

const OUTCOMES = ['served', 'lagging', 'unavailable', 'newer', 'failed'] as const;
type Outcomes = Record<(typeof OUTCOMES)[number], number>;

const SIGNING_KEY = newSigningKey();
const USED = 'The read replica serves lists.';
const NOT_USED = 'The read replica cannot be used; the primary serves lists.';

describe('a read replica', () => {
  let replica: StreamingReplica;
  let databaseUrl: string;
  let unusedPort: number;

  beforeAll(async () => {
    unusedPort = await freePort();
    replica = await StreamingReplica.start();
    databaseUrl = await createTestDatabase(replica.primary.url);
    await migrate(databaseUrl);
    await replica.waitUntilCaughtUp();
  }, 60_000);

  function optionsWith(env: Record<string, string> = {}) {
    const DATABASE_READ_URL = replica.standbyUrl(databaseUrl);
    return { databaseUrl, env: { DATABASE_READ_URL, ...env } };
  }

  /** Waits for the replica as long as a busy machine requires. */
  const mesh = useApp(() => optionsWith({ DATABASE_READ_MAX_LAG_MS: '5000', AUDIT_SEAL: 'false' }));
  /** Gives up at once if the replica lags. */
  const hasty = useApp(() => optionsWith({ DATABASE_READ_MAX_LAG_MS: '0', AUDIT_SEAL: 'false' }));
  /** An instance without a replica, which seals the audit log. */
  const plain = useApp(() => ({ databaseUrl, env: sealing(SIGNING_KEY) }));

  beforeAll(async () => {
    await untilHealth(mesh, { read_replica: 'ok', status: 'healthy' });
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  afterAll(() => replica.stop());

  describe('that keeps up', () => {
    let matter: Matter;
    let admin: Client;

    beforeAll(async () => {
      matter = await Matter.open(plain);
      await matter.ask();
      admin = mesh.agent('admin');
    });

    it.each([
      ['/tasks', () => `/tasks?from_role=${matter.from}`],
      ['/tasks, the inbox', () => `/tasks?to_role=${matter.to}&status=pending`],
      ['/sessions', () => `/sessions?role=${matter.to}`],
      ['/approvals', () => `/approvals?approver_role=${matter.board}`],
      ['/audit/events', () => `/audit/events?task_id=${matter.task}`],
    ])('serves %s as the primary does', async (_, pathOf) => {
      const ofPrimary = await plain.agent('admin').get(pathOf());

      expect(await outcomesOf(mesh, async () => (await admin.get(pathOf())).text)).toEqual({
        value: ofPrimary.text,
        served: 1,
      });
    });

    it('serves the overview', async () => {
      const { value, ...outcomes } = await outcomesOf(mesh, () => admin.get('/overview'));

      expect({ status: value.status, outcomes }).toEqual({ status: 200, outcomes: { served: 1 } });
    });

    it('serves the export of the audit log, page by page', async () => {
      const reports = times(1_000, () => REPORT);
      const reporter = plain.agent('finance', newSubject('reporter'));
      expect((await reporter.post('/audit/ingest', reports)).status).toBe(202);

      const path = '/audit/events?event_type=agent.policy.evaluated';
      const headers = { accept: 'application/x-ndjson' };
      const { value, ...outcomes } = await outcomesOf(mesh, () => admin.get(path, { headers }));

      expect(outcomes).toEqual({ served: 2 });
      expect(parseExport(value.text).events).toHaveLength(1_000);
    });

    it('serves no read of one resource, no wait, no claim and no idempotent request', async () => {
      const worker = mesh.agent(matter.to);
      const requests: (() => Promise<Answer>)[] = [
        () => admin.get(`/tasks/${matter.task}`),
        () => admin.get(`/tasks/${matter.task}/timeline`),
        () => worker.get('/tasks/wait?wait_seconds=0'),
        () => worker.post('/tasks/claim', {}),
        () => worker.post('/sessions', { role: matter.to }, { 'idempotency-key': 'one' }),
        () => admin.get('/events'),
      ];
      const { value, ...outcomes } = await outcomesOf(mesh, async () => {
        const answers: Answer[] = [];
        for (const request of requests) answers.push(await request());
        return answers;
      });

      expect(value.map(({ status }) => status).filter((status) => status >= 400)).toEqual([]);
      expect(outcomes).toEqual({});
    });

    it('is not used inside of a shared transaction, which reads its own changes', async () => {
      const [transactions, reads] = [
        mesh.app.get(TransactionsService),
        mesh.app.get(ListReadsService),
      ];
      const read = () =>
        reads.read((manager) => sql(manager, `SELECT current_setting('mesh.test', true) AS text`));

      const { value, ...outcomes } = await outcomesOf(mesh, () =>
        transactions.runShared({
          onBegin: () => Promise.resolve(),
          work: async () => {
            await transactions.run((manager) =>
              sql(manager, `SELECT set_config('mesh.test', 'own', true)`),
            );
            return read();
          },
          beforeCommit: (_, found) => Promise.resolve(found),
        }),
      );

      expect({ value, outcomes }).toEqual({ value: [{ text: 'own' }], outcomes: {} });
    });

    it('shows writers their own writes, of any instance, while all write at the same time', async () => {
      const write = async (n: number): Promise<string[]> => {
        const role = newSubject('from');
        const written: string[] = [];
        for (let round = 0; round < 4; round += 1) {
          written.unshift(await route(n % 2 === 0 ? mesh : plain, role));
          const shown = await listed(mesh, role);
          if (shown.join() !== written.join()) return [`${shown.join()}: not ${written.join()}`];
        }
        return [];
      };
      const { value, ...outcomes } = await outcomesOf(mesh, () => Promise.all(times(8, write)));

      expect(value.flat()).toEqual([]);
      expect(outcomes.served).toBeGreaterThan(0);
    }, 60_000);

    it('shows a list after it has caught up', async () => {
      // On a busy machine a check of the replica can end during the pause. Then the primary serves the list.
      await until(async () => {
        await untilHealth(mesh, { read_replica: 'ok' });
        const role = newSubject('from');
        await replica.pauseReplay();
        const id = await route(plain, role);
        const { value, ...outcomes } = await outcomesOf(mesh, async () => {
          const list = listed(mesh, role);
          const first = await Promise.race([list, untilActive('%replay_lsn%').then(() => 'waits')]);
          await replica.resumeReplay();
          return { first, list: await list };
        });
        expect(value.list).toEqual([id]);
        return value.first === 'waits' && outcomes.served === 1;
      });
    }, 60_000);

    it('fails a list that conflicts with recovery: the primary serves it', async () => {
      jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
      await setDelay('0');
      await untilHealth(mesh, { read_replica: 'ok' });
      const reads = mesh.app.get(ListReadsService);
      let servers = 0;
      const { value, ...outcomes } = await outcomesOf(mesh, () =>
        reads.read(async (manager) => {
          servers += 1;
          await sql(manager, 'SELECT FROM role_pauses');
          if (servers > 1) return 'primary';
          // The standby holds a lock of the table that the primary locks.
          await Promise.all([
            sql(manager, 'SELECT pg_sleep(4)'),
            untilActive('SELECT pg_sleep(4)').then(() => lockTable('role_pauses')),
          ]);
          return 'standby';
        }),
      );

      await setDelay('30s');
      expect({ value, outcomes }).toEqual({ value: 'primary', outcomes: { failed: 1 } });
      await untilHealth(mesh, { read_replica: 'ok' });
    });

    it('serves lists through a pooler in transaction mode', async () => {
      const pooler = await PgBouncer.start(replica.standbyUrl(databaseUrl), {
        pool_mode: 'transaction',
        default_pool_size: '2',
      });
      const env = {
        DATABASE_READ_URL: pooler.url(databaseUrl),
        DATABASE_READ_MAX_LAG_MS: '5000',
      };
      const app = await startTestApp({ databaseUrl, env });
      try {
        await untilHealth(app, { read_replica: 'ok' });
        const role = newSubject('from');
        const { value, ...outcomes } = await outcomesOf(app, () =>
          Promise.all(
            times(5, async () => {
              const id = await route(plain, role);
              return (await listed(app, role)).includes(id);
            }),
          ),
        );
        expect({ value, outcomes }).toEqual({
          value: times(5, () => true),
          outcomes: { served: 5 },
        });
      } finally {
        await app.close();
        await pooler.stop();
      }
    }, 60_000);

    it.each([
      ['audit-export', (folder: string) => ['--out', join(folder, 'bundle')]],
      ['audit-verify', () => []],
      ['audit-replay', () => []],
    ])('serves %s, whose DATABASE_URL can name it', async (command, argumentsOf) => {
      await untilSigned(plain);
      await replica.waitUntilCaughtUp();
      const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-replica-'));
      try {
        const env = {
          DATABASE_URL: replica.standbyUrl(databaseUrl),
          AUDIT_SIGNING_KEY: SIGNING_KEY,
        };
        expect(await runOperatorCommand(command, env, ...argumentsOf(folder))).toMatchObject({
          code: 0,
          stderr: '',
        });
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it('does not hide an error of the request', async () => {
      const { value, ...outcomes } = await outcomesOf(mesh, () => admin.get('/sessions?page=9999'));

      expect({ status: value.status, outcomes }).toEqual({ status: 400, outcomes: {} });
    });
  });

  describe('lists late events of the audit log', () => {
    itListsLateEvents(mesh);
  });

  describe('that lags', () => {
    beforeAll(async () => {
      jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
      await untilHealth(hasty, { read_replica: 'ok' });
      await replica.pauseReplay();
    });

    afterAll(async () => {
      await replica.resumeReplay();
      await untilHealth(hasty, { read_replica: 'ok' });
    });

    it.each([
      ['the same instance', () => hasty],
      ['another instance', () => plain],
    ])('does not serve a list that lacks a write of %s', async (_, writer) => {
      const role = newSubject('role');
      const agent = hasty.agent(role);
      const { value, ...outcomes } = await outcomesOf(hasty, async () => {
        const task = await route(writer(), role);
        const session = await writer().agent(role).post<SessionBody>('/sessions', { role });
        const reported = await writer().agent(role, role).post('/audit/ingest', REPORT);
        expect([session.status, reported.status]).toEqual([201, 202]);
        expect(await listed(hasty, role)).toEqual([task]);
        const sessions = await agent.get<{ sessions: SessionBody[] }>(`/sessions?role=${role}`);
        expect(sessions.body.sessions.map(({ id }) => id)).toEqual([session.body.id]);
        const events = await hasty
          .agent(role, role)
          .get<EventPage>('/audit/events?event_type=agent.policy.evaluated');
        return events.body.events.length;
      });

      expect(value).toBe(1);
      expect(outcomes).toEqual({ lagging: 3 });
    });

    it('shows a stranger what others wrote, too', async () => {
      const role = newSubject('from');
      const id = await route(plain, role);

      const { body } = await hasty.agent('admin').get<TaskPage>(`/tasks?from_role=${role}`);

      expect(body.tasks.map((task) => task.id)).toEqual([id]);
    });

    it('is lagging, and the instance healthy and ready', async () => {
      await untilHealth(hasty, { read_replica: 'lagging', status: 'healthy' });

      expect((await new Client(hasty.url).get('/health/ready')).status).toBe(200);
      const { text } = await hasty.agent('admin').get('/metrics');
      expect(text).toContain('database_replica_state{state="lagging"} 1');
      expect(text).toContain('database_replica_state{state="ok"} 0');
    });
  });

  it('is killed under load and returns: no request fails', async () => {
    const controller = await ControllerProcess.startMain({
      DATABASE_URL: databaseUrl,
      DATABASE_READ_URL: replica.standbyUrl(databaseUrl),
      LOG_LEVEL: 'log',
    });
    const health = new ControllerHealth(controller);
    try {
      await health.expect(200, { read_replica: 'ok', status: 'healthy' });
      const statuses = new Set<number>();
      let isOver = false;
      let lists = 0;
      const work = async (): Promise<void> => {
        const client = new Client(controller.url, tokenFor('admin'), false);
        for (; !isOver; lists += 1) statuses.add((await client.get('/tasks')).status);
      };
      const more = async (): Promise<void> => {
        const before = lists;
        await until(() => lists > before + 20);
      };
      const workers = times(6, work);
      await more();
      replica.standby.kill('SIGKILL');
      await health.expect(200, { read_replica: 'unavailable', status: 'degraded' });
      await health.expectLogged(NOT_USED);
      await more();
      await replica.standby.restart();
      await health.expect(200, { read_replica: 'ok', status: 'healthy' });
      await more();
      isOver = true;
      await Promise.all(workers);

      expect([...statuses]).toEqual([200]);
      await health.expectLogged(USED);
      health.expectNoCrash();
    } finally {
      await controller.stop();
    }
  }, 120_000);

  it('is used again by all instances after that', async () => {
    await untilHealth(mesh, { read_replica: 'ok' });
    await untilHealth(hasty, { read_replica: 'ok' });
  });

  describe('that is none', () => {
    /** A database of the same name on another server. */
    let otherUrl: string;

    beforeAll(async () => {
      const name = new URL(databaseUrl).pathname.slice(1);
      otherUrl = await createTestDatabase(process.env.TEST_POSTGRES_URL ?? '', name, MIGRATED);
    });

    afterAll(() => dropTestDatabase(otherUrl));

    it.each([
      ['the primary', () => [databaseUrl, databaseUrl], 'The server is not a standby.'],
      [
        'hosts of which none is a standby',
        () => [databaseUrl, `${databaseUrl}?target_session_attrs=standby`],
        'No host in DATABASE_READ_URL is a standby.',
      ],
      [
        'a standby of another primary',
        () => [otherUrl, replica.standbyUrl(databaseUrl)],
        'The server is a standby of another primary',
      ],
      [
        'a server that is down',
        () => [databaseUrl, withPort(databaseUrl, unusedPort)],
        'connect ECONNREFUSED',
      ],
    ])('is not used: %s', async (_, urls, message) => {
      const [url = '', readUrl = ''] = urls();
      await expectNotUsed(url, readUrl, message);
    });
  });

  it('is not used while it is a former primary, although it is ahead of the new one', async () => {
    await replica.waitUntilCaughtUp();
    await replica.promote();
    await withClient(databaseUrl, (client) =>
      client.query(`SELECT pg_logical_emit_message(true, 'test', repeat('x', 16777216))`),
    );
    await writeAsServer(replica.primary, 'standby.signal', '');
    await replica.primary.restart();

    await expectNotUsed(
      replica.standbyUrl(databaseUrl),
      databaseUrl,
      'or has no restart point since the last failover.',
    );
  }, 60_000);

  /** Starts an instance, and expects that its lists come from the primary, and that the log has this reason. */
  async function expectNotUsed(url: string, readUrl: string, reason: string): Promise<void> {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const app = await startTestApp({ databaseUrl: url, env: { DATABASE_READ_URL: readUrl } });
    try {
      await until(() =>
        warn.mock.calls.some(
          ([text]) => String(text).startsWith(NOT_USED) && String(text).includes(reason),
        ),
      );
      await untilHealth(app, { read_replica: 'unavailable', status: 'degraded' });
      expect((await new Client(app.url).get('/health/ready')).status).toBe(200);
      const role = newSubject('from');
      const { value, ...outcomes } = await outcomesOf(app, async () => [
        await route(app, role),
        ...(await listed(app, role)),
      ]);
      expect(value).toEqual([value[0], value[0]]);
      expect(outcomes).toEqual({ unavailable: 1 });
    } finally {
      await app.close();
    }
  }

  /** Routes a task of this role; returns its id. */
  async function route(app: TestApp, role: string): Promise<string> {
    const routed = await app
      .agent(role)
      .post<RoutedTask>('/tasks/route', { target: 'manager', task: { task_type: 'review' } });
    expect(routed.status).toBe(202);
    return routed.body.task_id.slice('task-'.length);
  }

  /** The ids of the tasks of this role, newest first. */
  async function listed(app: TestApp, role: string): Promise<string[]> {
    const { status, body } = await app.agent(role).get<TaskPage>(`/tasks?from_role=${role}`);
    expect(status).toBe(200);
    return body.tasks.map(({ id }) => id);
  }

  /** Waits until the latest statement of a connection of a controller to the standby matches a pattern. */
  async function untilActive(pattern: string): Promise<void> {
    await withClient(replica.standby.url, (client) =>
      until(async () => {
        const { rowCount } = await client.query(
          `SELECT FROM pg_stat_activity WHERE application_name LIKE 'agent-mesh%' AND query LIKE $1`,
          [pattern],
        );
        return rowCount !== 0;
      }),
    );
  }

  /** Sets the time that the standby waits for a query that conflicts with recovery. */
  async function setDelay(time: string): Promise<void> {
    await withClient(replica.standby.url, async (client) => {
      await client.query(`ALTER SYSTEM SET max_standby_streaming_delay = '${time}'`);
      await client.query('SELECT pg_reload_conf()');
      await until(async () => {
        const { rows } = await client.query<Record<string, string>>(
          'SHOW max_standby_streaming_delay',
        );
        return rows[0]?.max_standby_streaming_delay === time;
      });
    });
  }

  async function lockTable(name: string): Promise<void> {
    await withClient(databaseUrl, (client) =>
      client.query(`BEGIN; LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE; COMMIT`),
    );
  }
});

/** The value of some work, and the outcomes that the reads of an application had meanwhile, without those that are 0. */
async function outcomesOf<T>(
  app: TestApp,
  work: () => Promise<T>,
): Promise<{ value: T } & Partial<Outcomes>> {
  const before = await readOutcomes(app);
  const value = await work();
  const after = await readOutcomes(app);
  const changed = OUTCOMES.map((name) => [name, after[name] - before[name]] as const);
  return { value, ...Object.fromEntries(changed.filter(([, count]) => count > 0)) };
}

async function readOutcomes(app: TestApp): Promise<Outcomes> {
  const value = await metrics(app);
  const of = (name: string): number => value(`database_replica_reads_total{outcome="${name}"}`);
  return {
    served: of('served'),
    lagging: of('lagging'),
    unavailable: of('unavailable'),
    newer: of('newer'),
    failed: of('failed'),
  };
}

function withPort(url: string, port: number): string {
  return Object.assign(new URL(url), { port }).href;
}

async function untilHealth(app: TestApp, members: Record<string, string>): Promise<void> {
  const { body } = await eventually(
    () => new Client(app.url).get('/health'),
    (answer) => Object.entries(members).every(([name, value]) => answer.body[name] === value),
  );
  expect(body).toMatchObject(members);
}
