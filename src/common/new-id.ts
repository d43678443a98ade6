import { randomFillSync, randomInt } from 'node:crypto';
import { v7 } from 'uuid';

const ID_BYTES = 16;
/** Random bytes for 256 ids, because a call to the system's random source costs more than the bytes. */
const pool = Buffer.allocUnsafe(256 * ID_BYTES);
let used = pool.length;
/** Starts in the lower half of its range, so that it does not wrap around. */
let sequence = randomInt(2 ** 31);

/**
 * Returns a new UUID of version 7 (RFC 9562 section 5.7). A counter keeps the UUIDs of this process in creation order, also
 * within a millisecond (section 6.2, method 1).
 */
export function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, (used += ID_BYTES));
  sequence = (sequence + 1) >>> 0;
  return v7({ random, seq: sequence });
}
