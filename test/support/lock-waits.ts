/**
 * Condition on rows of `pg_locks`: they wait for a lock in the present database. Databases of other tests are copies of
 * one template, so their tables have the same ids.
 */
export const WAITS_HERE =
  'NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())';

/** The statements that wait for a lock of the table `$1`. */
export const TABLE_WAITS = `SELECT pid FROM pg_locks WHERE ${WAITS_HERE} AND relation = $1::regclass`;
