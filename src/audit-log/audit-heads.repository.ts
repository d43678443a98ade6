import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { WitnessQuorum } from '../config/audit-witness.js';
import { sql } from '../database/sql.js';
import type { SentHead } from './audit-head.entity.js';

/** Maximum number of heads that {@link AuditHeadsRepository.thin} deletes. */
export const THIN_BATCH = 5_000;

/** A stored head. */
export interface StoredHead {
  size: number;
  root: Buffer;
  /** The signed note, with the cosignatures of witnesses. */
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

/** A head to submit to witnesses. */
export interface SubmittedHead {
  size: number;
  root: Buffer;
  /** The signed note, without cosignatures. */
  note: string;
  /** The verifier keys of the witnesses that have cosigned it. */
  cosigners: string[];
  /** Seconds since the signature. */
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

  /** Returns the newest head of a log that enough witnesses have cosigned. */
  async findNewestCosigned(
    manager: EntityManager,
    log: number,
    { witnesses, count }: WitnessQuorum,
  ): Promise<StoredHead | undefined> {
    const [head] = await sql<StoredHead>(
      manager,
      `SELECT ${HEAD} FROM audit_heads WHERE log = $1 AND ${COSIGNED} ORDER BY size DESC LIMIT 1`,
      [log, witnesses, count],
    );
    return head;
  }

  /** Returns the first head of a log that covers an entry, and that enough witnesses have cosigned. */
  async findCovering(
    manager: EntityManager,
    log: number,
    index: number,
    { witnesses, count }: WitnessQuorum = { witnesses: [], count: 0 },
  ): Promise<StoredHead | undefined> {
    const [head] = await sql<StoredHead>(
      manager,
      `SELECT ${HEAD} FROM audit_heads
        WHERE log = $1 AND ($3 = 0 OR ${COSIGNED}) AND size > $4 ORDER BY size LIMIT 1`,
      [log, witnesses, count, index],
    );
    return head;
  }

  /** Returns the newest head of a log, as it is submitted to witnesses. */
  async findSubmitted(manager: EntityManager, log: number): Promise<SubmittedHead | undefined> {
    const [head] = await sql<SubmittedHead>(manager, FIND_SUBMITTED, [log]);
    return head;
  }

  /** Stores the line of a cosignature. A later one of the same witness replaces it. */
  async addCosignature(
    manager: EntityManager,
    log: number,
    size: number,
    { vkey, line }: { vkey: string; line: string },
  ): Promise<void> {
    await sql(
      manager,
      `UPDATE audit_heads SET cosignatures = cosignatures || $3::jsonb WHERE log = $1 AND size = $2`,
      [log, size, JSON.stringify({ [vkey]: line })],
    );
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

  /** Returns the newest head that each of the anchors has, if it is at most a day older than the newest head of the log. */
  listSent(
    manager: EntityManager,
    log: number,
    anchors: readonly string[],
  ): Promise<AnchoredHead[]> {
    return sql(manager, LIST_SENT, [log, anchors]);
  }

  /**
   * Keeps one head an hour of those older than 7 days, of those with the most cosignatures; all that an anchor has; and the
   * first after each event about keys, which verifiers need to follow a change of the key. Returns the number of deleted
   * heads, at most {@link THIN_BATCH}.
   */
  async thin(manager: EntityManager): Promise<number> {
    return (await sql(manager, THIN)).length;
  }
}

const HEAD = `
  size::float8 AS size, root,
  checkpoint || coalesce((SELECT string_agg(c.value, '' ORDER BY c.key) FROM jsonb_each_text(cosignatures) c), '') AS checkpoint,
  greatest(extract(epoch FROM clock_timestamp() - signed_at), 0)::float8 AS age`;

/** Whether at least $3 of the witnesses $2 have cosigned a head. */
const COSIGNED = `
  cosignatures <> '{}'
  AND (SELECT count(*) FROM jsonb_object_keys(cosignatures) AS k(vkey) WHERE k.vkey = ANY($2::text[])) >= $3`;

const FIND_SUBMITTED = `
  SELECT size::float8 AS size, root, checkpoint AS note,
         ARRAY(SELECT jsonb_object_keys(cosignatures)) AS cosigners,
         greatest(extract(epoch FROM clock_timestamp() - signed_at), 0)::float8 AS age
    FROM audit_heads WHERE log = $1 ORDER BY size DESC LIMIT 1`;

const INSERT = `
  INSERT INTO audit_heads (log, size, root, checkpoint)
  SELECT v.log, v.size, decode(v.root, 'hex'), v.checkpoint
    FROM jsonb_to_record($1::jsonb) AS v(log integer, size bigint, root text, checkpoint text)
      ON CONFLICT DO NOTHING`;

const LIST_SENT = `
  SELECT a.name AS anchor, h.size::float8 AS size,
         greatest(extract(epoch FROM clock_timestamp() - (h.sent->a.name->>'at')::timestamptz), 0)::float8 AS age
    FROM unnest($2::text[]) AS a(name)
   CROSS JOIN (SELECT signed_at FROM audit_heads WHERE log = $1 ORDER BY size DESC LIMIT 1) newest
   CROSS JOIN LATERAL (SELECT size, sent FROM audit_heads
                        WHERE log = $1 AND sent ? a.name AND signed_at > newest.signed_at - interval '1 day'
                        ORDER BY size DESC LIMIT 1) h`;

const THIN = `
  WITH old AS (
    SELECT log, size, sent, date_trunc('hour', signed_at) AS hour,
           (SELECT count(*) FROM jsonb_object_keys(cosignatures)) AS cosigned
      FROM audit_heads WHERE signed_at < clock_timestamp() - interval '7 days'
  ), compared AS (
    SELECT log, size, sent, cosigned,
           max(cosigned) OVER (PARTITION BY log, hour ORDER BY size ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS later
      FROM old
  ), kept AS (
    SELECT l.log, (SELECT h.size FROM audit_heads h WHERE h.log = l.log AND h.size > p.position - l.first_position
                    ORDER BY h.size LIMIT 1) AS size
      FROM audit_events e
      JOIN event_log p ON p.event_id = e.id
      JOIN audit_log l ON l.first_position <= p.position
     WHERE e.event_type IN ('log_key_changed', 'log_key_revoked')
  )
  DELETE FROM audit_heads h
   USING (SELECT log, size FROM compared c
           WHERE sent = '{}' AND later >= cosigned
             AND NOT EXISTS (SELECT FROM kept k WHERE (k.log, k.size) = (c.log, c.size))
           LIMIT ${THIN_BATCH}) d
   WHERE (h.log, h.size) = (d.log, d.size)
  RETURNING h.size`;
