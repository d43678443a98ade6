import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { newSubject, tokenFor } from './app.js';
import { type Answer, Client } from './client.js';
import { routeTask } from './kill-points.js';
import { patient } from './patience.js';

/** What a load saw. */
export interface LoadReport {
  /** The keys of tasks that were acknowledged. */
  acknowledged: string[];
  /** How many answers of which status came back; `none`: how often a connection broke or was refused. */
  answers: Record<string, number>;
  /** Answers other than success, and "later" that does not say when. */
  odd: string[];
  /** How long the slowest answer took, in milliseconds. */
  slowest: number;
}

/** How long what was begun is asked for once the load has ended, in milliseconds. */
const SETTLE_MS = 20_000;

/** Agents that route tasks, one after the other, each sent with its key until it is acknowledged, as agents should. */
export class Load {
  private readonly report: LoadReport = { acknowledged: [], answers: {}, odd: [], slowest: 0 };
  private readonly agents: Promise<void>[];
  private open = true;
  private patience = Infinity;

  /** @param urls where the controllers are; each request goes to the next one */
  constructor(
    private readonly urls: readonly string[],
    agents = 8,
  ) {
    this.agents = Array.from({ length: agents }, (_, n) => this.run(n));
  }

  /** How many tasks were acknowledged so far. */
  get done(): number {
    return this.report.acknowledged.length;
  }

  /** How often the agents were told 503 so far. */
  get refused(): number {
    return this.report.answers['503'] ?? 0;
  }

  /** Begins nothing new, and waits until all that was begun is acknowledged. */
  async end(): Promise<LoadReport> {
    this.open = false;
    this.patience = performance.now() + patient(SETTLE_MS);
    await Promise.all(this.agents);
    return this.report;
  }

  private async run(first: number): Promise<void> {
    const token = tokenFor('finance', newSubject('load'));
    const clients = this.urls.map((url) => new Client(url, token, false));
    for (let turn = first; this.open; turn += 1) {
      const key = randomUUID();
      while (!(await this.isAcknowledged(clients[turn % clients.length], key))) {
        turn += 1;
        if (performance.now() > this.patience) throw new Error(`${key} was never acknowledged`);
        await sleep(50);
      }
    }
  }

  private async isAcknowledged(client: Client | undefined, key: string): Promise<boolean> {
    const started = performance.now();
    const answer = client && (await routeTask(client, key).catch(() => undefined));
    this.count(answer, performance.now() - started);
    if (answer === undefined || answer.status > 299) return false;
    this.report.acknowledged.push(key);
    return true;
  }

  private count(answer: Answer | undefined, took: number): void {
    const { answers, odd } = this.report;
    const status = answer?.status ?? 'none';
    answers[status] = (answers[status] ?? 0) + 1;
    this.report.slowest = Math.max(this.report.slowest, took);
    if (answer === undefined || answer.status < 300) return;
    const later = answer.status === 503 || answer.body.code === 'idempotency.in_progress';
    if (!later || !answer.headers.has('retry-after')) odd.push(answer.text);
  }
}

/** Which of these keys did not leave exactly one task, with one attempt, event and record. */
export async function notKept(db: Pool, keys: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ key: string }>(NOT_KEPT, [keys]);
  return rows.map(({ key }) => key);
}

const NOT_KEPT = `
  SELECT key FROM unnest($1::text[]) AS k(key)
    LEFT JOIN (SELECT data->>'key' AS key, count(*) AS tasks, min(id::text)::uuid AS id
                 FROM tasks GROUP BY 1) t USING (key)
    LEFT JOIN (SELECT task_id AS id, count(*) AS attempts FROM sessions GROUP BY 1) s USING (id)
    LEFT JOIN (SELECT task_id AS id, count(*) AS events FROM audit_events GROUP BY 1) e USING (id)
    LEFT JOIN (SELECT key, count(*) AS records FROM idempotency_records GROUP BY 1) r USING (key)
   WHERE (tasks, attempts, events, records) IS DISTINCT FROM (1, 1, 1, 1)`;
