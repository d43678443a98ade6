import pg from 'pg';

const TABLES = `
  SELECT c.relname AS name FROM pg_class c
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'migrations'
   ORDER BY c.relname`;

const SEQUENCES = `
  SELECT sequencename AS name, last_value FROM pg_sequences WHERE schemaname = 'public'`;

/**
 * Replaces the rows and sequences of a migrated database by those of another one at one moment, as `pg_dump` and
 * `pg_restore` do: without triggers and checks of foreign keys.
 */
export async function copyDatabase(fromUrl: string, toUrl: string): Promise<void> {
  const from = new pg.Client({ connectionString: fromUrl });
  const to = new pg.Client({ connectionString: toUrl });
  await Promise.all([from.connect(), to.connect()]);
  try {
    await from.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await to.query('SET session_replication_role = replica');
    const tables = await from.query<{ name: string }>(TABLES);
    for (const { name } of tables.rows) {
      const table = pg.escapeIdentifier(name);
      const rows = `SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${table} t`;
      const [found] = (await from.query<{ rows: string }>(rows)).rows;
      await to.query(`DELETE FROM ${table}`);
      await to.query(
        `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`,
        [found?.rows],
      );
    }
    const sequences = await from.query<{ name: string; last_value: string | null }>(SEQUENCES);
    for (const { name, last_value } of sequences.rows) {
      if (last_value !== null) await to.query('SELECT setval($1, $2)', [name, last_value]);
    }
  } finally {
    await Promise.all([from.end(), to.end()]);
  }
}
