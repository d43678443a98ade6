import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Approval } from '../approvals/approval.entity.js';
import { EVENT_ROW, type PositionedRow } from '../audit-log/audit-log.repository.js';
import { sql } from '../database/sql.js';

/** An event of an approval. Its position is null until the event log has numbered it. */
export type ChainEvent = Omit<PositionedRow, 'position'> & { position: number | null };

/** Reads the events of which receipts consist. */
@Injectable()
export class ReceiptsRepository {
  /** Returns all events of the approvals of a chain, in the order of the event log. */
  listEvents(
    manager: EntityManager,
    { task_id, chain_id }: Pick<Approval, 'task_id' | 'chain_id'>,
  ): Promise<ChainEvent[]> {
    return sql(manager, LIST, [task_id, chain_id]);
  }

  /** Whether the event that opened an approval of the same chain is archived, and no longer in the database. */
  async isArchived(manager: EntityManager, approvalId: string): Promise<boolean> {
    return (await sql(manager, IS_ARCHIVED, [approvalId])).length > 0;
  }
}

const LIST = `
  SELECT ${EVENT_ROW}
    FROM audit_events e
    LEFT JOIN event_log l ON l.event_id = e.id
   WHERE e.task_id = $1
     AND e.approval_id IN (SELECT id FROM approvals WHERE task_id = $1 AND chain_id = $2)
   ORDER BY l.position NULLS LAST`;

const IS_ARCHIVED = `
  SELECT 1 FROM approvals c JOIN approvals a ON a.task_id = c.task_id AND a.chain_id = c.chain_id
   WHERE c.id = $1 AND a.created_at <= (SELECT max(archived_until) FROM audit_log)
     AND NOT EXISTS (
       SELECT FROM audit_events e
        WHERE e.task_id = a.task_id AND e.approval_id = a.id
          AND (e.event_type = 'approval_requested' OR (e.event_type = 'approval_decided' AND e.metadata ? 'began')))
   LIMIT 1`;
