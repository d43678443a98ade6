import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresClient } from './postgres-client.js';

/** Milliseconds between two checks of the server processes. */
const CHECK_MS = 2_000;

/**
 * Connections whose statement the server did not answer in time. The server process can still work on it: a COMMIT that
 * waits for a synchronous standby has no time limit and does not notice that its client has gone. Such a connection keeps
 * its place in the pool until the process is done, so the number of server processes never exceeds that of the pool.
 */
export class UnansweredStatements {
  private readonly waiting = new Map<PostgresClient, () => void>();
  private checking = false;
  private hung = 0;

  /** Number of connections. */
  get count(): number {
    return this.waiting.size;
  }

  /** Number of connections whose server process still works on the statement, as of the latest check. */
  get hungCount(): number {
    return Math.min(this.hung, this.waiting.size);
  }

  /** Resolves when the server process of a connection is done with its statement, or has ended. */
  async whenDone(client: PostgresClient): Promise<void> {
    await new Promise<void>((resolve) => {
      this.waiting.set(client, resolve);
      client.once('drain', resolve).once('end', resolve);
      if (!this.checking) void this.check();
    });
    this.waiting.delete(client);
  }

  /** Checks the server processes until all are done. An answer can be lost, so the connection alone does not show it. */
  private async check(): Promise<void> {
    this.checking = true;
    for (let [first] = this.waiting; first; [first] = this.waiting) {
      const active = await first[0].activeProcesses().catch(() => undefined);
      if (active) {
        const waiting = [...this.waiting];
        const isHung = ([client]: (typeof waiting)[number]): boolean => client.isAmong(active);
        this.hung = waiting.filter(isHung).length;
        for (const one of waiting) if (!isHung(one)) one[1]();
      }
      await sleep(CHECK_MS, undefined, { ref: false });
    }
    this.checking = false;
  }
}
