import { MAX_ROLE_LABELS, OTHER_ROLES } from './role-labels.js';

/**
 * SQL for the values of a metric by role, with a bounded number of series: `role`, `count` and `age_seconds`. Roles with
 * the highest counts keep their names; among equal counts, the latest.
 *
 * @param counts SQL with the columns `role`, `count`, `oldest` and `latest`, one row for each role
 */
export function boundedRoles(counts: string): string {
  return `
    SELECT CASE WHEN place <= ${MAX_ROLE_LABELS} THEN role ELSE '${OTHER_ROLES}' END AS role,
           sum(count)::integer AS count,
           extract(epoch FROM clock_timestamp() - min(oldest))::float8 AS age_seconds
      FROM (SELECT role, count, oldest, row_number() OVER (ORDER BY count DESC, latest DESC, role) AS place
              FROM (${counts}) counts) ranked
     GROUP BY 1`;
}
