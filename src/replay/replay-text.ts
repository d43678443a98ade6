import type { Finding } from './replay-state.js';
import type { ReplayReport } from './replay.js';

/** Columns and tables that the log does not record, and why. */
const EXCLUDED = [
  'sessions.lease_expires_at and sessions.lease_seconds after a claim: a heartbeat has no event',
  'idempotency_records, role_pauses, webhooks and their deliveries, subject_roles, role_losses, seen_roles: no state of tasks',
  'task_approvers, approver_sessions, approval_readers, audit_event_readers: indexes that triggers derive',
];

/** Returns the lines that the command prints: the findings, then the counts and the exclusions. */
export function replayLines(report: ReplayReport): string[] {
  const { findings, count, events, tables } = report;
  const rows = Object.entries(tables);
  const old = rows.reduce((sum, [, table]) => sum + table.old, 0);
  const compared = rows.map(([name, table]) => `${table.compared} ${name}`).join(', ');
  return [
    ...findings.map(findingLine),
    ...(count > findings.length ? [`… and ${count - findings.length} more findings`] : []),
    `Replayed ${events} events and compared ${compared}.`,
    ...EXCLUDED.map((text) => `Not compared: ${text}.`),
    ...(report.archived > 0
      ? [
          `Not replayed: ${report.archived} entries that are archived. Of rows from their time, only status and version are compared.`,
        ]
      : []),
    `Not compared: ${old} rows from before the facts, of which only status and version are.`,
    count === 0 ? 'No difference.' : `${count} ${count === 1 ? 'finding' : 'findings'}.`,
  ];
}

function findingLine({ text, entry }: Finding): string {
  return entry === null ? text : `${text} (entry ${entry})`;
}
