import { describe, it } from '@jest/globals';
import { FaultyPostgres } from '../support/faulty-postgres.js';
import { downFor } from '../support/postgres-faults.js';

describe('a controller at work', () => {
  it('goes on by itself when its Postgres was away for half a minute', async () => {
    const faulty = await FaultyPostgres.start();
    try {
      await faulty.endure('away for half a minute', downFor(30_000));
    } finally {
      await faulty.stop();
    }
  }, 180_000);
});
