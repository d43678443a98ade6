import { beforeAll, describe, expect, it } from '@jest/globals';
import { LISTS } from '../../support/list-reader.js';
import { routeTask, useApp } from '../../support/kit.js';

/** Executions after which PostgreSQL keeps a generic plan of a prepared statement. */
const OFTEN = 6;

describe('lists after a migration has added a column', () => {
  const mesh = useApp({ env: { DATABASE_POOL_SIZE: '2' } });
  const paths = [...LISTS, 'events'].flatMap((list) =>
    ['auditor', 'finance'].map((role) => ({ list, role })),
  );

  beforeAll(async () => {
    await routeTask(mesh, 'finance', 'manager');
    for (const { list, role } of paths) {
      for (let n = 0; n < OFTEN; n += 1) {
        expect((await mesh.agent(role).get(`/${list}`)).status).toBe(200);
      }
    }
    for (const table of ['tasks', 'sessions', 'approvals', 'audit_events', 'event_log']) {
      await mesh.query(`ALTER TABLE ${table} ADD COLUMN later text`);
    }
  });

  it.each(paths)('GET /$list responds to $role as before', async ({ list, role }) => {
    expect((await mesh.agent(role).get(`/${list}`)).status).toBe(200);
  });
});
