import { afterAll, beforeAll } from '@jest/globals';
import pg from 'pg';
import { v7 as newId } from 'uuid';
import { newDatabase } from './app.js';
import { withClient } from './catalog.js';
import { dropTestDatabase } from './postgres.js';

type Row = Record<string, unknown>;

/** A migrated database into which tests insert rows directly. Members that a test does not name have valid values. */
export class TableRows {
  url = '';

  async run(text: string, values: unknown[] = []): Promise<Row[]> {
    return withClient(this.url, async (client) => (await client.query<Row>(text, values)).rows);
  }

  async insert(table: string, given: Row): Promise<void> {
    const isAttempt = table === 'sessions' && given.attempt !== undefined && given.attempt !== null;
    const row = isAttempt ? { attempts_left: 2, ...given } : given;
    const names = Object.keys(row);
    const places = names.map((_, index) => `$${index + 1}`);
    await this.run(
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${places.join(', ')})`,
      Object.values(row),
    );
  }

  /** Inserts a task; returns its id. */
  async insertTask(changes: Row = {}): Promise<string> {
    const id = newId();
    await this.insert('tasks', {
      id,
      task_type: 'budget_approval',
      description: '',
      from_role: 'finance',
      to_role: 'manager',
      trace_id: newId(),
      idempotency_key: newId(),
      created_by: 'alice',
      ...changes,
    });
    return id;
  }

  insertSession(changes: Row): Promise<void> {
    const session = { id: newId(), role: 'manager', status: 'pending', trace_id: newId() };
    return this.insert('sessions', { ...session, created_by: 'alice', ...changes });
  }

  insertApproval(task_id: string, changes: Row = {}): Promise<void> {
    const approval = { id: newId(), task_id, approver_role: 'legal', status: 'pending' };
    const chain = { chain_id: approval.id, stages: ['legal'], expires_at: '2036-01-01T00:00:00Z' };
    return this.insert('approvals', { ...approval, ...chain, ...changes });
  }

  insertEvent(): Promise<void> {
    const event = { id: newId(), event_type: 'task_routed', role: 'finance', trace_id: newId() };
    return this.insert('audit_events', { ...event, actor: 'alice' });
  }

  insertRecord(changes: Row): Promise<void> {
    const now = new Date();
    return this.insert('idempotency_records', {
      scope: Buffer.from(newId()),
      fingerprint: Buffer.alloc(32),
      caller: 'alice',
      key: 'key',
      method: 'POST',
      path: '/tasks/route',
      response_status: 202,
      response_body: '{}',
      generation: 1,
      created_at: now,
      expires_at: now,
      ...changes,
    });
  }
}

/** A migrated database for the tests of a `describe`. */
export function useTableRows(): TableRows {
  const rows = new TableRows();
  beforeAll(async () => {
    rows.url = await newDatabase();
  });
  afterAll(() => dropTestDatabase(rows.url));
  return rows;
}

/** The name of the constraint or unique index that a statement violates. */
export async function violatedConstraint(statement: Promise<unknown>): Promise<string | undefined> {
  try {
    await statement;
    return undefined;
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error.constraint;
    throw error;
  }
}
