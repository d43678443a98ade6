import { afterAll, beforeAll, it } from '@jest/globals';

/** Registers what is closed when the scenario has ended, the last one first. */
export type Defer = (close: () => unknown) => void;

type Scenario = (defer: Defer) => Promise<void>;

/** A scenario and its place in the queue. */
class Run {
  /** Settles when the scenario has ended; undefined before its turn is planned. */
  ended?: Promise<void>;

  constructor(private readonly scenario: Scenario) {}

  /** Starts the scenario when another one has ended. */
  startAfter(other?: Run): void {
    const turn = Promise.resolve(other?.ended).catch(() => undefined);
    this.ended = turn.then(() => this.run());
    this.ended.catch(() => undefined);
  }

  private async run(): Promise<void> {
    const closers: (() => unknown)[] = [];
    try {
      await this.scenario((close) => closers.push(close));
    } finally {
      for (const close of closers.reverse()) await close();
    }
  }
}

/**
 * Returns a function that declares the tests of a `describe` that mostly wait. They run at the same time: they start before
 * the first test, and each test awaits its own scenario.
 *
 * @param most how many run at the same time; the others start in their order
 */
export function concurrentScenarios(
  most = Infinity,
): (name: string, scenario: Scenario, timeoutMs?: number) => void {
  const runs: Run[] = [];
  beforeAll(() => {
    for (const [index, run] of runs.entries()) run.startAfter(runs[index - most]);
  });
  afterAll(() => Promise.allSettled(runs.flatMap(({ ended }) => ended ?? [])));
  return (name, scenario, timeoutMs) => {
    const run = new Run(scenario);
    runs.push(run);
    it(
      name,
      async () => {
        if (!run.ended) throw new Error('The scenario starts in beforeAll.');
        await run.ended;
      },
      timeoutMs,
    );
  };
}
