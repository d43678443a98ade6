import type { EntityManager } from 'typeorm';
import { sql } from '../../database/sql.js';

/** The event with which a log continues another. */
export interface ContinuationEvent {
  id: string;
  event_type: string;
  metadata: Readonly<Record<string, unknown>>;
}

/** Writes the event with which a log continues another. */
export class LogRecoveryRepository {
  /** Records an event of the operator at the next position. Its caller has locked the head of the event log. */
  async append(manager: EntityManager, event: ContinuationEvent): Promise<number> {
    const [row] = await sql<{ position: number }>(manager, APPEND, [JSON.stringify(event)]);
    if (!row) throw new Error('The event log has no head');
    return row.position;
  }
}

const APPEND = `
  WITH event AS (
    INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, salt, metadata)
    SELECT v.id, v.event_type, 'system', 'system', event_time(), v.id, gen_random_uuid(),
           v.metadata || jsonb_build_object('by', current_user)
      FROM jsonb_to_record($1::jsonb) AS v(id uuid, event_type text, metadata jsonb)
    RETURNING id),
  head AS (
    UPDATE event_log_head SET last_position = last_position + 1 RETURNING last_position)
  INSERT INTO event_log (position, event_id) SELECT h.last_position, e.id FROM head h, event e
  RETURNING position::float8 AS position`;
