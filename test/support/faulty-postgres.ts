import { expect } from '@jest/globals';
import pg from 'pg';
import { newDatabase } from './app.js';
import { withClient } from './catalog.js';
import { ControllerProcess } from './controller-process.js';
import { eventually } from './eventually.js';
import { Load, notKept } from './load.js';
import { startTestPostgres } from './postgres.js';
import { MEDDLER, type Place, type PostgresFault } from './postgres-faults.js';
import { TcpProxy } from './tcp-proxy.js';

/** More than connections in the pool. */
const AGENTS = 20;

/** The slowest refusal is that of a query that nobody answers: 6 seconds, and what the machine adds to it. */
const PROMPT_MS = 15_000;

/** A controller whose Postgres is its own, with a fault that strikes while agents work. */
export class FaultyPostgres {
  private constructor(
    private readonly place: Place,
    private readonly controller: ControllerProcess,
    private readonly db: pg.Pool,
  ) {}

  static async start(): Promise<FaultyPostgres> {
    const postgres = await startTestPostgres();
    const databaseUrl = await newDatabase(postgres.url);
    await withClient(databaseUrl, (client) => client.query(MEDDLER));
    const proxy = await TcpProxy.inFrontOf(databaseUrl);
    const controller = await ControllerProcess.start({
      databaseUrl: proxy.url(databaseUrl),
      env: { LOG_LEVEL: 'warn', SWEEP_INTERVAL_SECONDS: '1' },
    });
    const db = new pg.Pool({ connectionString: databaseUrl });
    db.on('error', () => undefined);
    return new FaultyPostgres({ postgres, databaseUrl, proxy }, controller, db);
  }

  async stop(): Promise<void> {
    await this.controller.stop();
    await Promise.all([this.place.proxy.close(), this.db.end()]);
    await this.place.postgres.stop();
  }

  /**
   * Lets agents route tasks while the fault strikes: they are told 503 with Retry-After, soon; nothing that was
   * acknowledged is missing or there twice; afterwards work goes on by itself; and no error is logged.
   */
  async endure(name: string, strike: PostgresFault): Promise<void> {
    const load = new Load([this.controller.url], AGENTS);
    await eventually(
      () => load.done,
      (done) => done >= AGENTS,
    );
    await strike(this.place, load);
    const [struck, before] = [performance.now(), load.done];
    await eventually(
      () => load.done,
      (done) => done > before,
    );
    const recovered = performance.now() - struck;
    await eventually(
      () => load.done,
      (done) => done > before + AGENTS,
    );
    const { acknowledged, ...report } = await load.end();
    process.stderr.write(
      `${JSON.stringify({ fault: name, acknowledged: acknowledged.length, recovered, ...report })}\n`,
    );
    expect(report.odd).toEqual([]);
    expect(report.answers['503']).toBeGreaterThan(0);
    expect(report.slowest).toBeLessThan(PROMPT_MS);
    expect(acknowledged.length).toBeGreaterThan(before);
    expect(await notKept(this.db, acknowledged)).toEqual([]);
    expect(this.controller.hasEnded).toBe(false);
    expect(this.controller.output).not.toMatch(/"level":"error"|unhandled|uncaught/i);
  }
}
