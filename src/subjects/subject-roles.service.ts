import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { VerifiedTokensService } from '../auth/verified-tokens.service.js';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { messageOf } from '../errors/error-text.js';

/** Maximum time that the first request with a token waits until its roles are recorded, in milliseconds. */
const FIRST_USE_WAIT_MS = 250;

/**
 * Records the roles of the newest token of each subject, the roles that subjects lost, and the roles that exist.
 *
 * The controller can detect a lost role only from a newer token. Each process records the roles of a token once, when
 * it first verifies the token. The first request waits for that, at most {@link FIRST_USE_WAIT_MS}. If the roles cannot be
 * recorded, the next request verifies the token again.
 */
@Injectable()
export class SubjectRolesService implements OnModuleInit {
  private readonly seen = new Set<string>();
  private readonly logger = new Logger(SubjectRolesService.name);

  constructor(
    private readonly verified: VerifiedTokensService,
    private readonly transactions: TransactionsService,
  ) {}

  onModuleInit(): void {
    this.verified.atFirstUse((agent, forget) =>
      Promise.race([
        this.record(agent, forget),
        sleep(FIRST_USE_WAIT_MS, undefined, { ref: false }),
      ]),
    );
  }

  /** Returns whether a verified token has ever carried a role. */
  async isSeen(role: string): Promise<boolean> {
    if (this.seen.has(role)) return true;
    const found = await this.transactions.readOne(`SELECT 1 FROM seen_roles WHERE role = $1`, [
      role,
    ]);
    if (found.length > 0) this.seen.add(role);
    return found.length > 0;
  }

  /**
   * Asserts that no newer token of the same subject lacks a role.
   *
   * @throws DomainError `auth.role_not_held`
   */
  async assertStillHeld(manager: EntityManager, agent: Agent, role: string): Promise<void> {
    const newer = await sql(manager, NEWER_WITHOUT, [agent.subject, agent.issuedAt ?? 0, role]);
    if (newer.length > 0)
      throw new DomainError(
        'auth.role_not_held',
        'A newer token of your subject does not carry the approver role. Send the request with a new token that carries it.',
      );
  }

  private async record({ subject, roles, issuedAt = 0 }: Agent, forget: () => void): Promise<void> {
    try {
      const sorted = [...roles].sort();
      await this.transactions.runStatement(RECORD, [subject, sorted, Math.max(issuedAt, 0)]);
      for (const role of roles) this.seen.add(role);
    } catch (error) {
      forget();
      this.logger.debug(`Cannot record the roles of a token: ${messageOf(error)}`);
    }
  }
}

/**
 * Locks the row of the subject first, so that with two concurrent tokens the second reads the roles of the first.
 * Counts the losses, so that PostgreSQL inserts them before it updates the row.
 */
const RECORD = `
  WITH known AS (
         SELECT roles FROM subject_roles
          WHERE subject = $1 AND issued_at <= to_timestamp($3::double precision) FOR UPDATE),
       lost AS (
         INSERT INTO role_losses (subject, role)
         SELECT $1, role FROM known, unnest(known.roles) AS role WHERE role <> ALL ($2::text[])
         ON CONFLICT DO NOTHING RETURNING 1),
       seen AS (
         INSERT INTO seen_roles (role) SELECT unnest($2::text[]) ON CONFLICT DO NOTHING)
  INSERT INTO subject_roles AS s (subject, roles, issued_at)
  SELECT $1, $2::text[], to_timestamp($3::double precision) FROM (SELECT count(*) FROM lost) AS l
  ON CONFLICT (subject) DO UPDATE SET roles = excluded.roles, issued_at = excluded.issued_at
   WHERE s.issued_at <= excluded.issued_at
     AND (s.roles, s.issued_at) IS DISTINCT FROM (excluded.roles, excluded.issued_at)`;

const NEWER_WITHOUT = `
  SELECT 1 FROM subject_roles
   WHERE subject = $1 AND issued_at > to_timestamp($2::double precision) AND $3 <> ALL (roles)`;
