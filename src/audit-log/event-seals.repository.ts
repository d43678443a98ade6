import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { whereVisible } from '../audit/audit.repository.js';
import type { Agent } from '../auth/agent.js';
import { sql } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import type { EventSealDto, SealHeadDto } from './dto/audit-seals.dto.js';

/** Size and newest head of the log that grows. */
interface NewestHead {
  size: number;
  head: SealHeadDto | null;
}

interface HeadColumns {
  head_size: number | null;
  signed_at: Date | null;
}

/** Reads the entries of events in the sealed logs, and the heads that cover them. */
@Injectable()
export class EventSealsRepository {
  async getNewest(manager: EntityManager): Promise<NewestHead> {
    const [row] = await sql<{ size: number } & HeadColumns>(manager, NEWEST);
    return row ? { size: row.size, head: headOf(row) } : { size: 0, head: null };
  }

  /**
   * Returns the sealed events of some ids, with the first head that covers each.
   *
   * @param visibleTo undefined: an agent that may read all events
   */
  async list(
    manager: EntityManager,
    eventIds: readonly string[],
    visibleTo: Agent | undefined,
  ): Promise<EventSealDto[]> {
    if (eventIds.length === 0) return [];
    const where = whereVisible(new WhereClause(), visibleTo).and('e.id = ANY(?::uuid[])', eventIds);
    const text = `
      SELECT e.id AS event_id, s.seq::float8 AS seq, h.size::float8 AS head_size, h.signed_at
        FROM audit_events e JOIN event_log p ON p.event_id = e.id ${SEAL} ${where.toString()}
       ORDER BY s.seq`;
    const rows = await sql<{ event_id: string; seq: number } & HeadColumns>(
      manager,
      text,
      where.parameters,
    );
    return rows.map(({ event_id, seq, ...head }) => ({ event_id, seq, head: headOf(head) }));
  }
}

function headOf({ head_size, signed_at }: HeadColumns): SealHeadDto | null {
  return head_size === null || signed_at === null ? null : { size: head_size, signed_at };
}

/** The log `s` that contains the position `p`, and the first head `h` that covers the entry. */
const SEAL = `
  JOIN LATERAL (
    SELECT l.log, l.size, p.position - l.first_position AS seq FROM audit_log l
     WHERE l.first_position <= p.position ORDER BY l.log DESC LIMIT 1) s ON s.seq < s.size
  LEFT JOIN LATERAL (
    SELECT c.size, c.signed_at FROM audit_heads c WHERE c.log = s.log AND c.size > s.seq ORDER BY c.size LIMIT 1) h ON true`;

const NEWEST = `
  SELECT l.size::float8 AS size, h.size::float8 AS head_size, h.signed_at
    FROM audit_log l
    LEFT JOIN LATERAL (
      SELECT c.size, c.signed_at FROM audit_heads c WHERE c.log = l.log ORDER BY c.size DESC LIMIT 1) h ON true
   ORDER BY l.log DESC LIMIT 1`;
