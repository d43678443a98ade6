import { describe, expect, it } from '@jest/globals';
import { runEventLog } from '../support/event-log-run.js';

const SECONDS = 60;
const WRITERS = 16;

describe('the event log under faults for long', () => {
  it(`has every committed event once, and every reader receives the log, for ${SECONDS} s`, async () => {
    const { log, committed, readers, kills } = await runEventLog(SECONDS, WRITERS);
    process.stderr.write(`${JSON.stringify({ events: log.length, kills })}\n`);

    expect(log.map(({ position }) => position)).toEqual(log.map((_, index) => index + 1));
    expect(log.map(({ id }) => id).sort()).toEqual(committed);
    for (const [name, places] of Object.entries(readers))
      expect([name, places]).toEqual([name, log]);
  }, 300_000);
});
