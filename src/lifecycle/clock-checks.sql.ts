/**
 * Comparisons of the times of a session with PostgreSQL's clock, made in the statement that reads the session. The
 * clocks of instances may differ from it and from each other.
 */
export interface ClockChecks {
  /** Whether `not_before` is in the future. */
  is_early: boolean;
  /** Whether `deadline_at` has passed. */
  is_past_deadline: boolean;
  /** Whether `run_until` has passed. */
  is_past_run_limit: boolean;
  /** Seconds since the session became due. Negative before that. */
  waited_seconds: number;
}

/**
 * Returns SQL for the columns of {@link ClockChecks}.
 *
 * @param session the alias of the row
 */
export function clockChecks(session: string): string {
  return `
  coalesce(${session}.not_before > clock_timestamp(), false) AS is_early,
  coalesce(${session}.deadline_at <= clock_timestamp(), false) AS is_past_deadline,
  coalesce(${session}.run_until <= clock_timestamp(), false) AS is_past_run_limit,
  extract(epoch FROM clock_timestamp() - greatest(${session}.created_at, ${session}.not_before))::float8
    AS waited_seconds`;
}
