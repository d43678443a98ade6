import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { FaultyPostgres } from '../../support/faulty-postgres.js';
import { POSTGRES_FAULTS } from '../../support/postgres-faults.js';

describe('a controller recovers when PostgreSQL', () => {
  let faulty: FaultyPostgres;

  beforeAll(async () => {
    faulty = await FaultyPostgres.start();
  }, 120_000);

  afterAll(() => faulty.stop());

  it.each(Object.entries(POSTGRES_FAULTS))(
    '%s',
    (name, strike) => faulty.endure(name, strike),
    120_000,
  );
});
