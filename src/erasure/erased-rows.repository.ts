import type { EntityManager } from 'typeorm';
import type { ErasureSelection } from './erasure-selection.js';

/** The ids of the rows of a table whose content an erasure removed. */
export interface EmptiedRows {
  tasks: string[];
  sessions: string[];
  /** Without payload, digest, reason and notes, and without the notes of their votes. */
  approvals: string[];
  /** Approvals without the notes of the decision only. */
  notes: string[];
}

/** Removes content and subjects from the tables, in a transaction of the caller. */
export class ErasedRowsRepository {
  constructor(private readonly manager: EntityManager) {}

  async hasTask(id: string): Promise<boolean> {
    return (
      (await this.manager.query<unknown[]>('SELECT FROM tasks WHERE id = $1', [id])).length > 0
    );
  }

  /** Returns the subjects of a task, its sessions, its approvals and its events. */
  async subjectsOf(task: string): Promise<string[]> {
    const rows = await this.manager.query<{ subject: string }[]>(SUBJECTS, [task]);
    return rows.map(({ subject }) => subject);
  }

  /** Removes the content of the rows of a task, or of those that a subject wrote. Call it before the subject is replaced. */
  async empty(selection: Exclude<ErasureSelection, { kind: 'events' }>): Promise<EmptiedRows> {
    const value = selection.kind === 'task' ? selection.task : selection.subject;
    const of = WRITTEN[selection.kind];
    const approvals = await this.ids(EMPTY_APPROVALS(of.approvals), value);
    const tasks = await this.ids(EMPTY_TASKS(of.tasks), value);
    const sessions = await this.ids(EMPTY_SESSIONS(of.sessions), value);
    const notes = selection.kind === 'task' ? [] : await this.ids(EMPTY_NOTES, value);
    await this.manager.query(
      `UPDATE approval_votes SET notes = '' WHERE approval_id = ANY($1) AND notes <> ''`,
      [approvals],
    );
    await this.manager.query(
      `UPDATE vote_renewals SET notes = '' WHERE approval_id = ANY($1) AND notes <> ''`,
      [approvals],
    );
    const resources = [...tasks, ...sessions, ...approvals];
    await this.manager.query(EMPTY_RESPONSES, [resources]);
    await this.manager.query(`DELETE FROM push_configs WHERE ${of.push_configs}`, [value]);
    return { tasks, sessions, approvals, notes };
  }

  /** Replaces a subject in all tables, or in the rows of one task. Returns the number of replaced values. */
  async replaceSubject(subject: string, alias: string, task?: string): Promise<number> {
    let replaced = 0;
    for (const [table, columns, scope] of SUBJECT_COLUMNS) {
      if (task !== undefined && scope === null) continue;
      for (const column of columns) {
        const where = task === undefined ? '' : `AND ${scope ?? ''}`;
        const parameters = [subject, alias, ...(task === undefined ? [] : [task])];
        const rows = await this.manager.query<unknown[]>(
          `WITH changed AS (UPDATE ${table} SET ${column} = $2 WHERE ${column} = $1 ${where} RETURNING 1)
           SELECT FROM changed`,
          parameters,
        );
        replaced += rows.length;
      }
    }
    if (task === undefined) await this.forgetSubject(subject, alias);
    return replaced;
  }

  /** Removes what is stored of a subject outside of tasks. */
  private async forgetSubject(subject: string, alias: string): Promise<void> {
    await this.manager.query('DELETE FROM subject_roles WHERE subject = $1', [subject]);
    await this.manager.query(`UPDATE approval_votes SET notes = '' WHERE subject = $1`, [alias]);
    await this.manager.query(`UPDATE vote_renewals SET notes = '' WHERE subject = $1`, [alias]);
    await this.manager.query(`UPDATE webhooks SET description = '' WHERE created_by = $1`, [alias]);
    await this.manager.query(`UPDATE role_pauses SET reason = 'erased' WHERE paused_by = $1`, [
      alias,
    ]);
    await this.manager.query(
      `UPDATE idempotency_records SET response_body = '{}' WHERE caller = $1`,
      [alias],
    );
  }

  private async ids(update: string, value: string): Promise<string[]> {
    const rows = await this.manager.query<{ id: string }[]>(
      `WITH changed AS (${update} RETURNING id) SELECT id FROM changed`,
      [value],
    );
    return rows.map(({ id }) => id);
  }
}

const SUBJECTS = `
  SELECT DISTINCT subject FROM (
    SELECT created_by AS subject FROM tasks WHERE id = $1
    UNION ALL SELECT unnest(ARRAY[created_by, claimed_by]) FROM sessions WHERE task_id = $1
    UNION ALL SELECT unnest(ARRAY[requested_by, decided_by, consumed_by, reassigned_by]) FROM approvals WHERE task_id = $1
    UNION ALL SELECT v.subject FROM approval_votes v JOIN approvals a ON a.id = v.approval_id WHERE a.task_id = $1
    UNION ALL SELECT actor FROM audit_events WHERE task_id = $1) s
   WHERE subject NOT IN ('system', 'erased') AND subject NOT LIKE 'erased#%' ORDER BY subject`;

/** The rows of which a subject wrote the content, and those of a task. */
const WRITTEN = {
  subject: {
    tasks: 'created_by = $1',
    sessions: '(claimed_by = $1 OR (created_by = $1 AND attempt IS NULL))',
    // The payload of an approval can be the content of the task.
    approvals: `(requested_by = $1 OR (requested_by IS NULL AND decided_by = $1)
      OR EXISTS (SELECT FROM tasks t WHERE t.id = task_id AND t.created_by = $1 AND payload = jsonb_build_object(
           'task_type', t.task_type, 'description', t.description, 'data', t.data, 'context', t.context)))`,
    push_configs: 'owner = $1',
  },
  task: {
    tasks: 'id = $1',
    sessions: 'task_id = $1',
    approvals: 'task_id = $1',
    push_configs: 'task_id = $1',
  },
} as const;

const EMPTY_TASKS = (which: string): string => `
  UPDATE tasks SET description = '', data = '{}', context = '{}' WHERE ${which}`;
const EMPTY_SESSIONS = (which: string): string => `
  UPDATE sessions SET metadata = '{}', result = NULL, error = NULL WHERE ${which}`;
const EMPTY_APPROVALS = (which: string): string => `
  UPDATE approvals SET payload = NULL, digest = NULL, reason = '', notes = '' WHERE ${which}`;
const EMPTY_NOTES = `UPDATE approvals SET notes = '' WHERE decided_by = $1 AND notes <> ''`;
const EMPTY_RESPONSES = `UPDATE idempotency_records SET response_body = '{}' WHERE resource_id = ANY($1)`;

/** Tables with subjects, and the condition that selects the rows of a task; null: the table has none. */
const SUBJECT_COLUMNS: readonly (readonly [string, readonly string[], string | null])[] = [
  ['tasks', ['created_by'], 'id = $3'],
  ['sessions', ['created_by', 'claimed_by'], 'task_id = $3'],
  ['approvals', ['requested_by', 'decided_by', 'consumed_by', 'reassigned_by'], 'task_id = $3'],
  ['approval_votes', ['subject'], 'approval_id IN (SELECT id FROM approvals WHERE task_id = $3)'],
  ['vote_renewals', ['subject'], 'approval_id IN (SELECT id FROM approvals WHERE task_id = $3)'],
  ['role_losses', ['subject'], null],
  ['role_pauses', ['paused_by'], null],
  ['webhooks', ['created_by'], null],
  ['idempotency_records', ['caller'], null],
];
