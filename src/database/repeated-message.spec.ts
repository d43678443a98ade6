import { describe, expect, it } from '@jest/globals';
import { RepeatedMessage } from './repeated-message.js';

/** The seconds at which a message that repeats each second is logged. */
function secondsOf(messageAt: (second: number) => string, seconds: number): number[] {
  let now = 0;
  const message = new RepeatedMessage(() => now * 1_000);
  const logged: number[] = [];
  for (; now < seconds; now++) if (message.isDue(messageAt(now))) logged.push(now);
  return logged;
}

describe('A repeated message', () => {
  it('is logged at once, then after pauses that double up to 30 seconds', () => {
    expect(secondsOf(() => 'refused', 125)).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121]);
  });

  it('is logged at once when it is new, and an earlier one when the pause is over', () => {
    const alternating = (second: number) => (second % 2 === 0 ? 'refused' : 'starting up');
    expect(secondsOf(alternating, 70)).toEqual([0, 1, 3, 7, 15, 31, 61]);
    const changed = (second: number) => (second < 20 ? 'refused' : 'starting up');
    expect(secondsOf(changed, 60)).toEqual([0, 1, 3, 7, 15, 20, 50]);
  });
});
