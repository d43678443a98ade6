import type { DatabaseError } from 'pg';

/**
 * The failure of a statement that is a conflict with a concurrent transaction: the violation of a constraint or unique
 * index, or an SQLSTATE. The transaction is retried.
 */
export type ConflictOn = { readonly constraint: string } | { readonly sqlstate: string };

/**
 * The failure of a statement that calls the SQL function `raise_conflict`. The class of its SQLSTATE is none of
 * PostgreSQL's or of the SQL standard.
 */
export const RAISED_CONFLICT = { sqlstate: 'MC001' } as const satisfies ConflictOn;

export function isConflict({ constraint, code }: DatabaseError, on: ConflictOn): boolean {
  return 'constraint' in on ? constraint === on.constraint : code === on.sqlstate;
}
