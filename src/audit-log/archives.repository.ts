import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { EntryRange } from '../../packages/verify/src/bundle-log.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { EVENT_ROW, type PositionedRow, type SealedLog } from './audit-log.repository.js';

/** Reads which entries of the sealed logs are archived. */
@Injectable()
export class ArchivesRepository {
  /** Returns the entries of a log that sealed events `audit_archived` name, in their order. */
  listRanges(manager: EntityManager, origin: string): Promise<EntryRange[]> {
    return sql(manager, LIST_RANGES, [origin]);
  }

  /** Returns the first events after a position that the database has of archived entries: those about the log itself. */
  listKept(
    manager: EntityManager,
    { first_position, pruned }: SealedLog,
    after: number,
  ): Promise<RowPage<PositionedRow>> {
    return sqlPage(manager, LIST_KEPT, [
      Math.max(after + 1, first_position),
      first_position + pruned,
    ]);
  }

  /** Whether an event is archived, and no longer in the database. */
  async isArchived(manager: EntityManager, eventId: string): Promise<boolean> {
    return (await sql(manager, IS_ARCHIVED, [eventId])).length > 0;
  }
}

const LIST_RANGES = `
  SELECT (a.metadata -> 'from')::float8 AS from, (a.metadata -> 'to')::float8 AS to
    FROM audit_events a
    JOIN event_log p ON p.event_id = a.id
   WHERE a.event_type = 'audit_archived' AND a.metadata ->> 'origin' = $1
     AND EXISTS (SELECT FROM audit_log s WHERE p.position >= s.first_position AND p.position < s.first_position + s.size)
     AND CASE WHEN jsonb_typeof(a.metadata -> 'from') = 'number' THEN jsonb_typeof(a.metadata -> 'to') = 'number' END
   ORDER BY 1, 2`;

const LIST_KEPT = `
  SELECT ${EVENT_ROW}
    FROM event_log l JOIN audit_events e ON e.id = l.event_id
   WHERE l.position >= $1 AND l.position < $2 ORDER BY l.position`;

const IS_ARCHIVED = `
  SELECT 1 FROM event_log l JOIN audit_log g ON l.position >= g.first_position AND l.position < g.first_position + g.pruned
   WHERE l.event_id = $1 AND NOT EXISTS (SELECT FROM audit_events e WHERE e.id = l.event_id) LIMIT 1`;
