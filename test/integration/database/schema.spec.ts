import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCatalog, withClient } from '../../support/catalog.js';
import { createTestDatabase, dropTestDatabase } from '../../support/postgres.js';
import { EXPECTED_SCHEMA } from '../../support/expected-schema.js';
import { useTableRows } from '../../support/table-rows.js';

describe('database schema', () => {
  const rows = useTableRows();

  /** What only servers newer than PostgreSQL 15 understand, of what one could be tempted to write. */
  const TOO_NEW: [version: number, syntax: RegExp][] = [
    [16, /\bany_value\s*\(/i],
    [16, /\bjson_(array|object)agg\s*\(/i],
    [16, /\bpg_input_is_valid\s*\(/i],
    [16, /\b(array_shuffle|array_sample|random_normal|date_add|date_subtract)\s*\(/i],
    [17, /\bjson_(table|exists|query|value|scalar|serialize)\s*\(/i],
    [17, /\btransaction_timeout\s*[:=]/i],
    [17, /\bmerge\s+into\b/i],
    [18, /\buuidv[47]\s*\(/i],
    [18, /\bnot\s+enforced\b/i],
    [18, /\bwithout\s+overlaps\b/i],
    [18, /\breturning\s+(with\s*\(|old\.|new\.)/i],
    [18, /\bgenerated\s+always\s+as\s*\([^)]*\)\s*virtual\b/i],
  ];

  it('equals the expected schema', async () => {
    const byHand = await createTestDatabase(rows.url);
    try {
      await withClient(byHand, (client) => client.query(EXPECTED_SCHEMA));
      const [expected, actual] = await Promise.all([readCatalog(byHand), readCatalog(rows.url)]);

      expect({ ...actual, columns: actual.columns.sort() }).toEqual({
        ...expected,
        columns: expected.columns.sort(),
      });
    } finally {
      await dropTestDatabase(byHand);
    }
  });

  it('has readable names for all constraints and indexes', async () => {
    const { constraints, indexes } = await readCatalog(rows.url);
    const names = [
      ...constraints.map((line) => line.split(/[. ]/)[1]),
      ...indexes.map((line) => /INDEX (\S+)/.exec(line)?.[1]),
    ];

    for (const name of names) expect(name).toMatch(/^(idx_[a-z_]+|[a-z_]+_(pkey|fk|ck|uq))$/);
  });

  it('a trigger copies the task type to attempts, not to plain sessions', async () => {
    const task_id = await rows.insertTask();
    await rows.insertSession({ task_id, attempt: 1, attempts_left: 2 });
    await rows.insertSession({ task_id });
    const found = await rows.run(
      'SELECT attempt, task_type FROM sessions WHERE task_id = $1 ORDER BY attempt',
      [task_id],
    );
    expect(found).toEqual([
      { attempt: 1, task_type: 'budget_approval' },
      { attempt: null, task_type: null },
    ]);
  });

  it('the view task_states has the status of the latest attempt, whatever plain sessions exist', async () => {
    const task_id = await rows.insertTask();
    await rows.insertSession({ task_id, attempt: 1, status: 'failed', ended_reason: 'worker' });
    await rows.insertSession({ task_id, attempt: 2, status: 'active' });
    await rows.insertSession({ task_id, status: 'completed', ended_reason: 'completed' });

    expect(
      await rows.run('SELECT status, attempt FROM task_states WHERE task_id = $1', [task_id]),
    ).toEqual([{ status: 'active', attempt: 2 }]);
  });

  it('the view task_participants has each role once', async () => {
    const task = await rows.insertTask({ from_role: 'finance', to_role: 'manager' });
    await rows.insertApproval(task, { approver_role: 'manager' });
    await rows.insertApproval(task, { approver_role: 'legal' });

    expect(
      await rows.run('SELECT role FROM task_participants WHERE task_id = $1 ORDER BY role', [task]),
    ).toEqual([{ role: 'finance' }, { role: 'legal' }, { role: 'manager' }]);
  });

  it('the function raise_conflict fails with an SQLSTATE of its own and the cause', async () => {
    await expect(rows.run(`SELECT raise_conflict('Taken.')`)).rejects.toMatchObject({
      code: 'MC001',
      message: 'concurrent update, retried by the controller',
      detail: 'Taken.',
    });
  });

  it('the SQL of the repository needs no server newer than PostgreSQL 15', async () => {
    const found: string[] = [];
    for (const folder of ['migrations', 'src']) {
      for (const file of await readdir(folder, { recursive: true })) {
        if (!file.endsWith('.ts')) continue;
        const text = await readFile(join(folder, file), 'utf8');
        for (const [version, syntax] of TOO_NEW) {
          if (syntax.test(text)) found.push(`${folder}/${file} needs ${version}: ${syntax.source}`);
        }
      }
    }
    expect(found).toEqual([]);
  });
});
