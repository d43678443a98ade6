/** Limits of a connection in milliseconds; undefined: no limit. PostgreSQL enforces them. */
export interface SessionLimits {
  readonly statement_timeout?: number | undefined;
  readonly lock_timeout?: number | undefined;
  readonly idle_in_transaction_session_timeout?: number | undefined;
}

/** State of a session that the statement of {@link pinSession} returns. */
export interface SessionState {
  readonly pid: number;
  /** Whether transactions cannot write: a standby, or `default_transaction_read_only`. */
  readonly read_only: boolean;
  /** The schema with the tables of the controller; for a database without them, the one to create them in. */
  readonly schema: string;
}

/**
 * Settings on which the statements of the controller and the decoding of their results depend. A server, a database or a
 * role can have other defaults. `default_transaction_read_only` is not among them: operators and managed services set it
 * to protect a database, so the controller waits until it is off.
 */
const SETTINGS: readonly (readonly [name: string, value: string])[] = [
  ['array_nulls', 'on'],
  ['bytea_output', 'hex'],
  ['client_min_messages', 'warning'],
  ['datestyle', 'ISO, MDY'],
  ['default_transaction_deferrable', 'off'],
  ['default_transaction_isolation', 'read committed'],
  ['exit_on_error', 'off'],
  ['extra_float_digits', '1'],
  ['idle_session_timeout', '0'],
  ['intervalstyle', 'postgres'],
  ['jit', 'off'],
  ['plan_cache_mode', 'auto'],
  ['row_security', 'on'],
  ['standard_conforming_strings', 'on'],
  ['timezone', 'UTC'],
  ['transaction_timeout', '0'],
  ['transform_null_equals', 'off'],
  ['xmlbinary', 'base64'],
];

const LIMITS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
] as const;

/** Tables of the first migration. A schema with all of them belongs to the controller. */
const TABLES = ['approvals', 'audit_events', 'sessions', 'tasks'] as const;

/**
 * The schema with the tables of the controller. If several have them, the search path decides. If none has them, the
 * first schema of the search path that exists.
 */
const SCHEMA = `
  SELECT coalesce(
    (SELECT n.nspname
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relname IN (${TABLES.map(quote).join(', ')}) AND c.relkind IN ('r', 'p')
      GROUP BY n.nspname
     HAVING count(*) = ${TABLES.length}
      ORDER BY pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname), n.nspname
      LIMIT 1),
    pg_catalog.current_schema(), 'public') AS schema`;

/** Raises `off`, with which a crash of the server loses commits that it confirmed. Other levels stay. */
const SYNCHRONOUS_COMMIT = `CASE pg_catalog.current_setting('synchronous_commit') WHEN 'off' THEN 'on'
  ELSE pg_catalog.current_setting('synchronous_commit') END`;

/**
 * Statement that pins the settings of a new session and returns its state. Behind a pooler it only returns the state,
 * because the settings would change the session of another client.
 *
 * @param processId as the server stated it; a pooler states a number of its own
 */
export function pinSession(processId: number | null, limits: SessionLimits): string {
  return `
    SELECT pg_catalog.pg_backend_pid() AS pid, found.schema,
           pg_catalog.current_setting('transaction_read_only')::boolean AS read_only,
           CASE WHEN pg_catalog.pg_backend_pid() = ${processId ?? 0}
                THEN (${pins('found.schema', limits, 'false')}) END AS pinned
      FROM (${SCHEMA}) AS found`;
}

/** Statement that pins the settings for the current transaction. Each transaction behind a pooler begins with it. */
export function pinTransaction({ schema }: SessionState, limits: SessionLimits): string {
  return pins(quote(schema), limits, 'true');
}

/** A setting that the version of the server does not have is left out. */
function pins(schema: string, limits: SessionLimits, isLocal: 'true' | 'false'): string {
  const values = [
    ...SETTINGS,
    ...LIMITS.map((name) => [name, String(limits[name] ?? 0)] as const),
  ].map((pin) => `(${pin.map(quote).join(', ')})`);
  return `
    SELECT count(pg_catalog.set_config(pin.name, pin.value, ${isLocal}))
      FROM (VALUES ${values.join(', ')},
            ('search_path', pg_catalog.quote_ident(${schema}) || ', pg_temp'),
            ('synchronous_commit', ${SYNCHRONOUS_COMMIT})) AS pin (name, value)
     WHERE pg_catalog.current_setting(pin.name, true) IS NOT NULL`;
}

/** A literal. Names of schemas are the only values from outside. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
