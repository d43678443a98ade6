import { setTimeout as sleep } from 'node:timers/promises';

/** How long to wait for what has to happen by itself, on a machine that is busy. */
const PATIENCE_MS = 20_000;

/** Asks until the answer is the one hoped for, or time is up; gives the last one. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  isHoped: (answer: T) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (isHoped(answer) || performance.now() > deadline) return answer;
    await sleep(20);
  }
}
