import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { sql } from '../database/sql.js';
import { statement } from '../database/statement.js';
import { TransactionsService } from '../database/transactions.service.js';

/** Runs the statements of the tables `subject_roles`, `role_losses` and `seen_roles`. */
@Injectable()
export class SubjectRolesRepository {
  constructor(private readonly transactions: TransactionsService) {}

  /** Returns whether a verified token has ever carried a role. */
  async isSeen(role: string): Promise<boolean> {
    return (await this.transactions.readOne(SEEN, [role])).length > 0;
  }

  /** Returns whether a newer token of the same subject lacks a role. */
  async isLostSince(
    manager: EntityManager,
    { subject, issuedAt = 0 }: Agent,
    role: string,
  ): Promise<boolean> {
    return (await sql(manager, NEWER_WITHOUT, [subject, issuedAt, role])).length > 0;
  }

  /** Records the roles of a token, unless a newer token of the subject is recorded, and the roles that the subject lost. */
  async record({ subject, roles, issuedAt = 0 }: Agent): Promise<void> {
    const token = { subject, roles: [...roles].sort(), issued_at: Math.max(issuedAt, 0) };
    await this.transactions.runStatement(...RECORD(token));
  }
}

const SEEN = `SELECT 1 FROM seen_roles WHERE role = $1`;

/**
 * Locks the row of the subject first, so that with two concurrent tokens the second reads the roles of the first.
 * Counts the losses, so that PostgreSQL inserts them before it updates the row.
 */
const RECORD = statement<{ subject: string; roles: readonly string[]; issued_at: number }>(
  ({ subject, roles, issued_at }) => `
  WITH known AS (
         SELECT roles FROM subject_roles
          WHERE subject = ${subject} AND issued_at <= to_timestamp(${issued_at}::double precision) FOR UPDATE),
       lost AS (
         INSERT INTO role_losses (subject, role)
         SELECT ${subject}, role FROM known, unnest(known.roles) AS role WHERE role <> ALL (${roles}::text[])
         ON CONFLICT DO NOTHING RETURNING 1),
       seen AS (
         INSERT INTO seen_roles (role) SELECT unnest(${roles}::text[]) ON CONFLICT DO NOTHING)
  INSERT INTO subject_roles AS s (subject, roles, issued_at)
  SELECT ${subject}, ${roles}::text[], to_timestamp(${issued_at}::double precision)
    FROM (SELECT count(*) FROM lost) AS l
  ON CONFLICT (subject) DO UPDATE SET roles = excluded.roles, issued_at = excluded.issued_at
   WHERE s.issued_at <= excluded.issued_at
     AND (s.roles, s.issued_at) IS DISTINCT FROM (excluded.roles, excluded.issued_at)`,
);

const NEWER_WITHOUT = `
  SELECT 1 FROM subject_roles
   WHERE subject = $1 AND issued_at > to_timestamp($2::double precision) AND $3 <> ALL (roles)`;
