import pg from 'pg';

/** Everything that a schema is made of, one line each, read from pg_catalog. TypeORM's own table is left out. */
export interface Catalog {
  /** `table.column type [NOT NULL] [DEFAULT …]`, in the order of the table. */
  columns: string[];
  /** `table.name definition` */
  constraints: string[];
  /** `CREATE INDEX …`, with predicate and order; those that a constraint makes included. */
  indexes: string[];
  triggers: string[];
  functions: string[];
  views: string[];
}

export const EMPTY: Catalog = {
  columns: [],
  constraints: [],
  indexes: [],
  triggers: [],
  functions: [],
  views: [],
};

/** What TypeORM keeps its book of applied migrations in. */
export const MIGRATIONS_TABLE = 'migrations';

const IN_SCHEMA = `n.nspname = $1 AND c.relname <> '${MIGRATIONS_TABLE}'`;

const QUERIES: Record<keyof Catalog, string> = {
  columns: `
    SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
           || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS line
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
     WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND ${IN_SCHEMA}
     ORDER BY c.relname, a.attnum`,
  // PostgreSQL 18 lists NOT NULL here, too.
  constraints: `
    SELECT c.relname || '.' || k.conname || ' ' || pg_get_constraintdef(k.oid) AS line
      FROM pg_constraint k
      JOIN pg_class c ON c.oid = k.conrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND ${IN_SCHEMA}
     ORDER BY line`,
  indexes: `
    SELECT pg_get_indexdef(i.indexrelid) AS line
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE i.indisvalid AND ${IN_SCHEMA}
     ORDER BY line`,
  triggers: `
    SELECT pg_get_triggerdef(t.oid) AS line
      FROM pg_trigger t
      JOIN pg_class c ON c.oid = t.tgrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT t.tgisinternal AND ${IN_SCHEMA}
     ORDER BY line`,
  functions: `
    SELECT pg_get_functiondef(p.oid) AS line
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname = $1
     ORDER BY line`,
  views: `
    SELECT c.relname || ' ' || pg_get_viewdef(c.oid) AS line
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('v', 'm') AND ${IN_SCHEMA}
     ORDER BY line`,
};

/** The schema as the server describes it. */
export async function readCatalog(url: string, schema = 'public'): Promise<Catalog> {
  return withClient(url, async (client) => {
    const lines = async (name: keyof Catalog): Promise<string[]> =>
      (await client.query<{ line: string }>(QUERIES[name], [schema])).rows.map(({ line }) => line);
    return {
      columns: await lines('columns'),
      constraints: await lines('constraints'),
      indexes: await lines('indexes'),
      triggers: await lines('triggers'),
      functions: await lines('functions'),
      views: await lines('views'),
    };
  });
}

/** The kind and name of everything that lives in the schema, whatever it is. */
export async function readRelations(url: string): Promise<string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(`
      SELECT c.relname AS name FROM pg_class c
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      UNION ALL
      SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
      UNION ALL
      SELECT t.typname FROM pg_type t
       WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd', 'r')
       ORDER BY 1`);
    return rows.map(({ name }) => name);
  });
}

/** Runs work on a connection of its own. */
export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  // The statement in flight fails with the same error.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
