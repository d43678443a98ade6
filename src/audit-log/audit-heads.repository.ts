import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import type { SentHead } from './audit-head.entity.js';

/** A stored head. */
export interface StoredHead {
  size: number;
  root: Buffer;
  checkpoint: string;
  /** Seconds since the signature. */
  age: number;
}

/** A head and the record of an anchor that has it. */
export interface AnchoredHead {
  anchor: string;
  size: number;
  /** Seconds since the head was sent. */
  age: number;
}

/** Reads and writes the signed heads of the sealed logs. */
@Injectable()
export class AuditHeadsRepository {
  /** Returns the newest head of a log. */
  async findNewest(manager: EntityManager, log: number): Promise<StoredHead | undefined> {
    const [head] = await sql<StoredHead>(
      manager,
      `SELECT ${HEAD} FROM audit_heads WHERE log = $1 ORDER BY size DESC LIMIT 1`,
      [log],
    );
    return head;
  }

  /** Returns the first head of a log that covers an entry. */
  async findCovering(
    manager: EntityManager,
    log: number,
    index: number,
  ): Promise<StoredHead | undefined> {
    const [head] = await sql<StoredHead>(
      manager,
      `SELECT ${HEAD} FROM audit_heads WHERE log = $1 AND size > $2 ORDER BY size LIMIT 1`,
      [log, index],
    );
    return head;
  }

  /** Returns all heads of a log, the smallest first. */
  list(manager: EntityManager, log: number): Promise<StoredHead[]> {
    return sql(manager, `SELECT ${HEAD} FROM audit_heads WHERE log = $1 ORDER BY size`, [log]);
  }

  /** Stores a head. Keeps the one that another process has stored for the same size. */
  async insert(
    manager: EntityManager,
    log: number,
    head: Pick<StoredHead, 'size' | 'root' | 'checkpoint'>,
  ): Promise<void> {
    const { size, checkpoint } = head;
    const root = head.root.toString('hex');
    await sql(manager, INSERT, [JSON.stringify({ log, size, root, checkpoint })]);
  }

  /** Records that an anchor has a head. */
  async recordSent(
    manager: EntityManager,
    log: number,
    size: number,
    sent: Record<string, SentHead>,
  ): Promise<void> {
    await sql(
      manager,
      `UPDATE audit_heads SET sent = sent || $3::jsonb WHERE log = $1 AND size = $2`,
      [log, size, JSON.stringify(sent)],
    );
  }

  /** Returns the newest head that each of the anchors has, of those of the last day. */
  listSent(
    manager: EntityManager,
    log: number,
    anchors: readonly string[],
  ): Promise<AnchoredHead[]> {
    return sql(manager, LIST_SENT, [log, anchors]);
  }

  /** Keeps one head an hour of those older than 7 days, and all that an anchor has. */
  async thin(manager: EntityManager): Promise<void> {
    await sql(manager, THIN);
  }
}

const HEAD = `
  size::float8 AS size, root, checkpoint,
  greatest(extract(epoch FROM clock_timestamp() - signed_at), 0)::float8 AS age`;

const INSERT = `
  INSERT INTO audit_heads (log, size, root, checkpoint)
  SELECT v.log, v.size, decode(v.root, 'hex'), v.checkpoint
    FROM jsonb_to_record($1::jsonb) AS v(log integer, size bigint, root text, checkpoint text)
      ON CONFLICT DO NOTHING`;

const LIST_SENT = `
  SELECT a.name AS anchor, h.size::float8 AS size,
         greatest(extract(epoch FROM clock_timestamp() - (h.sent->a.name->>'at')::timestamptz), 0)::float8 AS age
    FROM unnest($2::text[]) AS a(name)
   CROSS JOIN LATERAL (SELECT size, sent FROM audit_heads
                        WHERE log = $1 AND sent ? a.name AND signed_at > clock_timestamp() - interval '1 day'
                        ORDER BY size DESC LIMIT 1) h`;

const THIN = `
  DELETE FROM audit_heads h
   WHERE h.signed_at < clock_timestamp() - interval '7 days' AND h.sent = '{}'
     AND EXISTS (SELECT FROM audit_heads k
                  WHERE k.log = h.log AND k.size > h.size
                    AND date_trunc('hour', k.signed_at) = date_trunc('hour', h.signed_at))`;
