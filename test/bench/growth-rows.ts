import type { Client } from 'pg';
import { LIST_ROWS, ROWS } from './growth-rows.sql.js';

/** Callers of the lists, by how much they can read, and their roles. */
export const ROLES_OF = {
  much: ['role_1'],
  little: ['little'],
  nothing: ['nothing'],
  several: ['role_2', 'role_5', 'role_20', 'role_50', 'little'],
  auditor: ['auditor'],
} as const satisfies Record<string, readonly string[]>;
export type Viewer = keyof typeof ROLES_OF;
/** Callers of the lists, and the role whose tasks are all due later. */
export const CALLERS = { ...ROLES_OF, scheduled: ['scheduled'] } as const;
export type Caller = keyof typeof CALLERS;

/** The tables that {@link grow} fills. */
const FILLED = [
  ...['tasks', 'sessions', 'approvals', 'approval_votes', 'audit_events', 'event_log'],
  ...['task_approvers', 'approver_sessions', 'approval_readers', 'audit_event_readers'],
];

/**
 * Fills the tables with so many tasks, and their sessions, approvals and audit events, as a mesh of 50 roles leaves them,
 * and with a tenth as many tasks that are due later.
 * Triggers are off, and indexes are created after the rows, because that is faster: the statements compute the columns and
 * tables of the lists. `growth-rows.spec.ts` compares them with those that the triggers and the API write.
 *
 * @param issuer issuer of the subjects that claimed sessions, which have the names of {@link ROLES_OF}
 */
export async function grow(
  client: Client,
  tasks: number,
  issuer = 'agent-mesh-dev',
): Promise<void> {
  await client.query(
    `SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'`,
  );
  const indexes = await dropIndexes(client);
  await client.query('SET session_replication_role = replica');
  for (const statement of [...ROWS, ...LIST_ROWS])
    await client.query(statement.replaceAll('$1', String(tasks)).replaceAll('$2', issuer));
  for (const index of indexes) await client.query(index);
  await client.query('RESET ALL; ANALYZE');
}

/** Drops the indexes that no constraint needs, and returns the statements that create them. */
async function dropIndexes(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
       FROM pg_index i
      WHERE i.indrelid = ANY ($1::regclass[])
        AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`,
    [FILLED],
  );
  await client.query(`DROP INDEX ${rows.map(({ name }) => name).join(', ')}`);
  return rows.map(({ definition }) => definition);
}
