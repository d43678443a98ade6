import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { FormatError } from '../../packages/verify/src/encoding.js';
import { isObject, parseJson } from '../../packages/verify/src/json.js';
import {
  KEY_CHANGED,
  KEY_REVOKED,
  type KeyEvent,
  readKeyEvent,
} from '../../packages/verify/src/key-events.js';
import { sql } from '../database/sql.js';

/** An event about the keys of a log. */
export interface RecordedKeyEvent {
  readonly event: KeyEvent;
  /** Whether it is an entry of the log. Otherwise it waits for its seal, with the index Infinity. */
  readonly isSealed: boolean;
  /** The first head that covers it. */
  readonly head: { readonly size: number; readonly checkpoint: string } | undefined;
}

/** A new event about keys. */
export interface NewKeyEvent {
  id: string;
  event_type: typeof KEY_CHANGED | typeof KEY_REVOKED;
  trace_id: string;
  salt: string;
  metadata: Readonly<Record<string, string | number>>;
}

interface KeyEventRow {
  event_type: string;
  metadata: string;
  index: number | null;
  size: number | null;
  checkpoint: string | null;
}

/** An arbitrary number, equal in all processes. */
const KEYS_LOCK = 4_071_976_321;

/** Reads and writes the events about the signing keys of the sealed log. */
@Injectable()
export class KeyEventsRepository {
  /**
   * Returns the events about keys that have a position, in their order, then those that have none. Entries of earlier logs
   * have a negative index. An event that does not name keys has no effect, and is left out.
   */
  async list(manager: EntityManager, log: number): Promise<RecordedKeyEvent[]> {
    const rows = await sql<KeyEventRow>(manager, LIST, [log]);
    return rows.flatMap(toRecorded);
  }

  /** Lets one transaction at a time record events about keys. */
  async lock(manager: EntityManager): Promise<void> {
    await sql(manager, 'SELECT pg_advisory_xact_lock($1)', [KEYS_LOCK]);
  }

  async insert(manager: EntityManager, events: readonly NewKeyEvent[]): Promise<void> {
    await sql(manager, INSERT, [JSON.stringify(events)]);
  }
}

function toRecorded(row: KeyEventRow): RecordedKeyEvent[] {
  const { event_type, metadata, index, size, checkpoint } = row;
  try {
    const facts = parseJson(metadata);
    const event = isObject(facts) && readKeyEvent(index ?? Infinity, { event_type, facts });
    if (!event) return [];
    const head = size !== null && checkpoint !== null ? { size, checkpoint } : undefined;
    return [{ event, isSealed: index !== null, head }];
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

const LIST = `
  SELECT e.event_type, e.metadata::text AS metadata, s.index, h.size::float8 AS size, h.checkpoint
    FROM audit_events e
    JOIN audit_log g ON g.log = $1
    LEFT JOIN event_log p ON p.event_id = e.id
    LEFT JOIN LATERAL (SELECT (p.position - g.first_position)::float8 AS index
                        WHERE p.position < g.first_position + g.size) s ON true
    LEFT JOIN LATERAL (SELECT size, checkpoint FROM audit_heads
                        WHERE log = g.log AND size > s.index ORDER BY size LIMIT 1) h ON true
   WHERE e.event_type IN ('log_key_changed', 'log_key_revoked')
   ORDER BY p.position NULLS LAST, e.timestamp`;

const INSERT = `
  INSERT INTO audit_events (id, event_type, role, actor, trace_id, metadata, salt)
  SELECT e.id, e.event_type, 'system', 'system', e.trace_id, e.metadata, e.salt
    FROM jsonb_to_recordset($1::jsonb)
      AS e(id uuid, event_type text, trace_id uuid, metadata jsonb, salt uuid)`;
