import pg from 'pg';

/**
 * A timeline of a cluster. A standby that is promoted begins the next one, so of two servers that accept writes the one
 * with the lower number is a former primary.
 * https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES
 */
export interface Timeline {
  /** The system identifier of the cluster. */
  readonly cluster: string;
  readonly number: number;
}

/** The name of a WAL file begins with the timeline, in hexadecimal digits. */
const TIMELINE = `
  SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer AS number,
         (SELECT system_identifier::text FROM pg_control_system()) AS cluster`;

/** Returns the timeline of a server that accepts writes; undefined if the server refuses one of the functions. */
export async function timelineOf(client: pg.Client): Promise<Timeline | undefined> {
  try {
    return (await client.query<Timeline>(TIMELINE)).rows[0];
  } catch (error) {
    if (error instanceof pg.DatabaseError) return undefined;
    throw error;
  }
}

/** Whether a timeline is an earlier one of the same cluster. */
export function isEarlier(one: Timeline | undefined, other: Timeline | undefined): boolean {
  return one !== undefined && one.cluster === other?.cluster && one.number < other.number;
}
