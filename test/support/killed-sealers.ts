import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Report } from '../../packages/verify/src/findings.js';
import type { Checkpoint } from '../../packages/verify/src/note.js';
import { newDatabase, tokenFor } from './app.js';
import { newSigningKey, openCheckpoint, sealing, untilSigned, verifyLog } from './audit-log.js';
import { ControllerProcess } from './controller-process.js';
import { times } from './kit.js';
import { dropTestDatabase } from './postgres.js';

const WRITERS = 16;
const HEADS_EVERY_MS = 200;

export interface KilledSealers {
  report: Report;
  sealed: number;
  /** Heads that the controllers served meanwhile. The log is verified against them. */
  heads: number;
  kills: number;
  /** Tasks that a controller acknowledged. */
  acknowledged: number;
  /** Acknowledged tasks without a sealed event. */
  lost: string[];
}

/**
 * Lets writers route tasks to two controllers that are killed and started again in turn, and reads the heads of the log.
 * Verifies the log at the end with all heads that were read.
 */
export async function killSealers(options: {
  kills: number;
  seconds?: number;
  pause: () => Promise<void>;
}): Promise<KilledSealers> {
  const databaseUrl = await newDatabase();
  const key = newSigningKey();
  const start = (): Promise<ControllerProcess> =>
    ControllerProcess.start({ databaseUrl, env: sealing(key) });
  const controllers = await Promise.all([start(), start()]);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const endAt = performance.now() + (options.seconds ?? 0) * 1_000;
    let kills = 0;
    const isOver = (): boolean => kills >= options.kills && performance.now() > endAt;
    const acknowledged: string[] = [];
    const call = (n: number, path: string, role: string, body?: object): Promise<Response> =>
      fetch(`${controllers[n % 2]?.url ?? ''}${path}`, {
        headers: { authorization: `Bearer ${tokenFor(role)}`, 'content-type': 'application/json' },
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      });
    const write = async (writer: number): Promise<void> => {
      const task = { target: 'manager', task: { task_type: 'budget' } };
      while (!isOver()) {
        try {
          const answer = await call(writer, '/tasks/route', 'finance', task);
          const { task_id } = (await answer.json()) as { task_id?: string };
          if (answer.status === 202 && task_id !== undefined) acknowledged.push(task_id);
        } catch {
          await options.pause();
        }
      }
    };
    const kill = async (): Promise<void> => {
      while (!isOver()) {
        await options.pause();
        const victim = kills % 2;
        controllers[victim]?.kill();
        controllers[victim] = await start();
        kills += 1;
      }
    };
    const heads = new Map<string, Checkpoint>();
    const read = async (): Promise<void> => {
      for (let n = 0; !isOver(); n += 1) {
        const answer = await call(n, '/audit/log/checkpoint', 'auditor').catch(() => undefined);
        const note = answer?.ok === true ? await answer.text().catch(() => '') : '';
        if (note !== '') heads.set(note, openCheckpoint(note, key));
        await sleep(HEADS_EVERY_MS);
      }
    };
    await Promise.all([kill(), read(), ...times(WRITERS, write)]);
    const query = async <Row>(text: string, parameters: unknown[] = []): Promise<Row[]> => {
      const { rows } = await client.query(text, parameters);
      return rows as Row[];
    };
    await untilSigned({ query });
    const report = await verifyLog(databaseUrl, key, {
      heads: [...heads.values()],
      maxUnsigned: 0,
    });
    const [counts] = await query<{ sealed: number }>('SELECT size::int AS sealed FROM audit_log');
    const lost = await query<{ id: string }>(LOST, [
      acknowledged.map((id) => id.replace('task-', '')),
    ]);
    return {
      report,
      sealed: counts?.sealed ?? 0,
      heads: heads.size,
      kills,
      acknowledged: acknowledged.length,
      lost: lost.map(({ id }) => id),
    };
  } finally {
    await client.end();
    await Promise.all(controllers.map((controller) => controller.stop()));
    await dropTestDatabase(databaseUrl);
  }
}

const LOST = `
  SELECT a.id FROM unnest($1::uuid[]) AS a(id)
   WHERE NOT EXISTS (SELECT FROM audit_events e
                       JOIN event_log p ON p.event_id = e.id
                       JOIN audit_log l ON p.position < l.first_position + l.size
                      WHERE e.task_id = a.id AND e.event_type = 'task_routed')`;
