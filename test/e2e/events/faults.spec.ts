import { describe, expect, it } from '@jest/globals';
import { runEventLog } from '../../support/event-log-run.js';

const SECONDS = 8;
const WRITERS = 8;

describe('the event log under faults', () => {
  it('has every committed event once, and every reader receives the log', async () => {
    const { log, committed, readers, kills } = await runEventLog(SECONDS, WRITERS);

    expect(kills).toBeGreaterThan(0);
    expect(committed.length).toBeGreaterThan(100);
    expect(log.map(({ position }) => position)).toEqual(log.map((_, index) => index + 1));
    expect(log.map(({ id }) => id).sort()).toEqual(committed);
    for (const [name, places] of Object.entries(readers)) {
      expect([name, places.length]).toEqual([name, log.length]);
      expect(places).toEqual(log);
    }
  }, 180_000);
});
