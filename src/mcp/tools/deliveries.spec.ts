import { describe, expect, it } from '@jest/globals';
import { type CallId, Deliveries } from './deliveries.js';

const UNIQUE: CallId = { key: 'a', isUnique: true };
const SHARED: CallId = { key: 'a', isUnique: false };

/** A call that was answered with an effect; counts how often that is taken back. */
function answered(deliveries: Deliveries, call: CallId) {
  const delivery = deliveries.begin(call);
  const times = { takenBack: 0 };
  delivery.onLost(() => times.takenBack++);
  deliveries.end(call, delivery);
  return times;
}

describe('a call of a tool', () => {
  it.each([UNIQUE, SHARED])('is cancelled while it is in progress: %j', (call) => {
    const deliveries = new Deliveries();
    const [first, second, other] = [call, call, { ...call, key: 'b' }].map((id) =>
      deliveries.begin(id),
    );
    deliveries.cancel(call);
    expect([first, second, other].map((delivery) => delivery?.signal.aborted)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('that was answered is taken back once, if it cannot be that of another client', () => {
    const deliveries = new Deliveries();
    const unique = answered(deliveries, UNIQUE);
    deliveries.cancel(UNIQUE);
    deliveries.cancel(UNIQUE);
    expect(unique.takenBack).toBe(1);

    const shared = answered(deliveries, SHARED);
    deliveries.cancel(SHARED);
    expect(shared.takenBack).toBe(0);
  });

  it('is cancelled by what overtakes it, if that cannot be of another client', () => {
    const deliveries = new Deliveries();
    deliveries.cancel(SHARED);
    expect(deliveries.begin(SHARED).signal.aborted).toBe(false);
    const others = new Deliveries();
    others.cancel(UNIQUE);
    expect(others.begin(UNIQUE).signal.aborted).toBe(true);
  });

  it('is taken back at once when it has lost its client before', () => {
    const delivery = new Deliveries().begin(UNIQUE);
    delivery.lose();
    let takenBack = 0;
    delivery.onLost(() => takenBack++);
    expect(takenBack).toBe(1);
  });
});
