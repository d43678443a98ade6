import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { CONNECTION_NAMES } from '../database/database-options.js';
import { sql } from '../database/sql.js';
import { insertSelect, statement } from '../database/statement.js';
import type { RolePause } from './role-pause.entity.js';
import { isInForce } from './role-pauses.sql.js';

export type NewRolePause = Pick<RolePause, 'role' | 'reason' | 'paused_by'> & {
  until: string | undefined;
};

/** Runs the statements of the table `role_pauses`. */
@Injectable()
export class RolePausesRepository {
  /** Pauses a role, or replaces its pause. Returns undefined if `until` has passed. */
  async put(manager: EntityManager, pause: NewRolePause): Promise<RolePause | undefined> {
    const [row] = await sql<RolePause>(manager, ...PUT(pause));
    return row;
  }

  /** Deletes the pause of a role, and returns it. Undefined if the role is not paused. */
  async delete(manager: EntityManager, role: string): Promise<RolePause | undefined> {
    const [row] = await sql<RolePause & { in_force: boolean }>(manager, DELETE, [role]);
    return row?.in_force === true ? row : undefined;
  }

  /** Returns whether an instance of the previous release is connected. It ignores pauses. */
  async hasPreviousRelease(manager: EntityManager): Promise<boolean> {
    const rows = await sql(manager, PREVIOUS_RELEASE, [CONNECTION_NAMES.previousRelease]);
    return rows.length > 0;
  }

  async find(manager: EntityManager, role: string): Promise<RolePause | undefined> {
    const [row] = await sql<RolePause>(manager, FIND, [role]);
    return row;
  }

  /** Returns the pauses that have not ended, by role. */
  list(manager: EntityManager): Promise<RolePause[]> {
    return sql(manager, LIST);
  }
}

const PUT = statement<NewRolePause>(
  (value) => `
  ${insertSelect<NewRolePause>('role_pauses', {
    role: value.role,
    reason: value.reason,
    until: `${value.until}::timestamptz`,
    paused_by: value.paused_by,
  })}
   WHERE ${value.until}::timestamptz IS NULL OR ${value.until}::timestamptz > clock_timestamp()
  ON CONFLICT (role) DO UPDATE
     SET reason = EXCLUDED.reason, until = EXCLUDED.until, paused_by = EXCLUDED.paused_by,
         paused_at = clock_timestamp()
  RETURNING *`,
);

const DELETE = `DELETE FROM role_pauses p WHERE role = $1 RETURNING *, ${isInForce('p')} AS in_force`;

const FIND = `SELECT * FROM role_pauses p WHERE role = $1 AND ${isInForce('p')}`;

/** Every role can read the names of connections. */
const PREVIOUS_RELEASE = `
  SELECT 1 FROM pg_catalog.pg_stat_activity
   WHERE datname = current_database() AND application_name = $1 LIMIT 1`;

const LIST = `SELECT * FROM role_pauses p WHERE ${isInForce('p')} ORDER BY role`;
