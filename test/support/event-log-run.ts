import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { newDatabase, tokenFor } from './app.js';
import { ControllerProcess } from './controller-process.js';
import type { CloudEvent, EventPage } from './events.js';
import { until } from './eventually.js';
import { dropTestDatabase } from './postgres.js';

const INSERT = `
  INSERT INTO audit_events (id, event_type, role, trace_id, actor, metadata)
  SELECT gen_random_uuid(), 'agent.test.wrote', 'finance', $1, 'test', '{}' FROM generate_series(1, $2)`;

const READ_UP_TO_MS = 60_000;

interface Place {
  position: number;
  id: string;
}

/** What a run under faults left behind. */
export interface EventLogRun {
  /** The log, in the order of its positions. */
  log: Place[];
  /** Ids of the committed events, sorted. */
  committed: string[];
  /** What each reader received, in the order of arrival. */
  readers: Record<string, Place[]>;
  kills: number;
}

/**
 * Runs two controllers on one database for some seconds, while writers commit, roll back and lose their connection, a
 * controller is killed about every two seconds, and readers reconnect at random. Then lets all readers finish.
 */
export async function runEventLog(seconds: number, writers: number): Promise<EventLogRun> {
  const databaseUrl = await newDatabase();
  const db = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  const stop = new AbortController();
  const controllers = await Promise.all([0, 1].map(() => Restarting.start(databaseUrl)));
  const urls = controllers.map(({ url }) => url);
  const readers = {
    stream: new LogReader(urls, 'stream'),
    'other stream': new LogReader([...urls].reverse(), 'stream'),
    'long poll': new LogReader(urls, 'poll'),
    pages: new LogReader([...urls].reverse(), 'page'),
  };
  const reading = Object.values(readers).map((reader) => reader.run(stop.signal));
  try {
    const endAt = performance.now() + seconds * 1000;
    const isOver = (): boolean => performance.now() > endAt;
    const writing = Array.from({ length: writers }, () => write(databaseUrl, isOver));
    while (!isOver()) {
      await sleep(500 + Math.random() * 2_500);
      await controllers[Math.random() < 0.5 ? 0 : 1]?.restart();
    }
    await Promise.all(writing);
    const { rows } = await db.query<{ id: string }>('SELECT id FROM audit_events ORDER BY id');
    const log = await logOf(db, rows.length);
    await until(
      () => Object.values(readers).every(({ places }) => places.length >= log.length),
      READ_UP_TO_MS,
    ).catch(() => undefined);
    return {
      log,
      committed: rows.map(({ id }) => id),
      readers: Object.fromEntries(
        Object.entries(readers).map(([name, { places }]) => [name, places]),
      ),
      kills: controllers.reduce((sum, { kills }) => sum + kills, 0),
    };
  } finally {
    stop.abort();
    await Promise.allSettled(reading);
    await Promise.all(controllers.map((controller) => controller.stop()));
    await db.end();
    await dropTestDatabase(databaseUrl);
  }
}

/** Waits until the log has all events. Returns it. */
async function logOf(db: pg.Pool, count: number): Promise<Place[]> {
  const read = async (): Promise<Place[]> =>
    (
      await db.query<Place>(
        'SELECT position::float8 AS position, event_id AS id FROM event_log ORDER BY position',
      )
    ).rows;
  await until(async () => (await read()).length >= count, READ_UP_TO_MS).catch(() => undefined);
  return read();
}

/** Commits events in transactions of random length. Some roll back, some end with their connection. */
async function write(databaseUrl: string, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const client = new pg.Client({ connectionString: databaseUrl });
    client.on('error', () => undefined);
    await client.connect();
    try {
      for (let n = 0; n < 20 && !isOver(); n += 1) {
        const fate = Math.random();
        await client.query('BEGIN');
        await client.query(INSERT, [randomUUID(), 1 + Math.floor(Math.random() * 3)]);
        await sleep(Math.random() * Math.random() * (fate < 0.02 ? 3_000 : 50));
        if (fate > 0.97) break;
        await client.query(fate < 0.1 ? 'ROLLBACK' : 'COMMIT');
      }
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

/** A controller that is killed and started again on its port. */
class Restarting {
  kills = 0;
  private constructor(
    private readonly env: Record<string, string>,
    private controller: ControllerProcess,
  ) {}

  static async start(DATABASE_URL: string): Promise<Restarting> {
    const env = { DATABASE_URL, PORT: String(await freePort()) };
    return new Restarting(env, await ControllerProcess.startMain(env));
  }

  get url(): string {
    return this.controller.url;
  }

  async restart(): Promise<void> {
    this.controller.kill('SIGKILL');
    await this.controller.ended;
    this.kills += 1;
    this.controller = await ControllerProcess.startMain(this.env);
  }

  stop(): Promise<void> {
    return this.controller.stop();
  }
}

/** Reads the whole log from its beginning, from either controller, and continues after every failure. */
class LogReader {
  readonly places: Place[] = [];
  private cursor = '0';
  private readonly headers: Record<string, string>;

  constructor(
    private readonly urls: readonly string[],
    private readonly form: 'stream' | 'poll' | 'page',
  ) {
    this.headers = { authorization: `Bearer ${tokenFor('auditor', randomUUID())}` };
  }

  async run(stop: AbortSignal): Promise<void> {
    for (let n = 0; !stop.aborted; n += 1) {
      const url = this.urls[n % this.urls.length] ?? '';
      // Leaves at a random moment, as a client whose network fails.
      const signal = AbortSignal.any([
        stop,
        AbortSignal.timeout(200 + Math.round(Math.random() * 3_000)),
      ]);
      try {
        if (this.form === 'stream') await this.stream(url, signal);
        else await this.page(url, signal);
      } catch {
        await sleep(50);
      }
    }
  }

  private async page(url: string, signal: AbortSignal): Promise<void> {
    const wait = this.form === 'poll' ? 20 : 0;
    const query = `after=${this.cursor}&limit=50&wait_seconds=${wait}`;
    const response = await fetch(`${url}/events?${query}`, { headers: this.headers, signal });
    if (!response.ok) throw new Error(String(response.status));
    const page = (await response.json()) as EventPage;
    for (const event of page.events) this.take(event);
    this.cursor = page.next;
    if (page.events.length === 0) await sleep(20);
  }

  private async stream(url: string, signal: AbortSignal): Promise<void> {
    const headers = { ...this.headers, 'last-event-id': this.cursor };
    const response = await fetch(`${url}/events/stream`, { headers, signal });
    if (!response.ok) throw new Error(String(response.status));
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.takeBlock(block);
    }
  }

  private takeBlock(block: string): void {
    const id = /^id: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (id === undefined) return;
    if (data !== undefined) this.take(JSON.parse(data) as CloudEvent);
    this.cursor = id;
  }

  private take({ id, sequence }: CloudEvent): void {
    this.places.push({ position: Number(sequence), id });
  }
}
