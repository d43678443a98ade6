import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { BackgroundLoop } from './background-loop.js';
import { setTimeout as sleep } from 'node:timers/promises';

class FakeLogger extends Logger {
  readonly lines: string[] = [];
  override log(message: unknown): void {
    this.lines.push(`log ${String(message)}`);
  }
  override warn(message: unknown): void {
    this.lines.push(`warn ${String(message)}`);
  }
}

describe('A background loop', () => {
  let logger: FakeLogger;
  let rounds: boolean[];
  let fails: boolean;
  let sut: BackgroundLoop;

  function loopOf(pollMs: number): BackgroundLoop {
    return new BackgroundLoop({
      round: (isSignalled) => {
        rounds.push(isSignalled);
        return fails ? Promise.reject(new Error('no database')) : Promise.resolve();
      },
      pollMs,
      logger,
      failing: 'Nothing grows.',
      recovered: 'It grows again.',
    });
  }

  async function untilRounds(count: number): Promise<void> {
    while (rounds.length < count) await sleep(1);
  }

  beforeEach(() => {
    logger = new FakeLogger();
    rounds = [];
    fails = false;
  });

  afterEach(() => sut.stop());

  it('runs a round after a signal, also after one that came before it waited', async () => {
    sut = loopOf(60_000);
    sut.signal();
    sut.start();
    await untilRounds(1);
    sut.signal();
    await untilRounds(2);

    expect(rounds).toEqual([true, true]);
  });

  it('runs a round without a signal when time has passed', async () => {
    sut = loopOf(1);
    sut.start();
    await untilRounds(2);

    expect(rounds.slice(0, 2)).toEqual([false, false]);
  });

  it('logs a failure once, and when a round succeeds again', async () => {
    fails = true;
    sut = loopOf(1);
    sut.start();
    await untilRounds(3);
    fails = false;
    await untilRounds(rounds.length + 2);

    expect(logger.lines).toEqual(['warn Nothing grows. no database', 'log It grows again.']);
  });

  it('stops at once while it waits, after a last round', async () => {
    sut = loopOf(60_000);
    sut.start();
    await sut.stop();

    expect(sut.isStopping).toBe(true);
    expect(rounds).toEqual([true]);
  });
});
