import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { excludedFrom, QUESTION, type Question } from './approval-exclusions.sql.js';

/** A subject that four eyes exclude from a decision, and its acting role. */
export interface Exclusion {
  subject: string;
  role: string | null;
}

/** Reads the subjects that four eyes exclude. */
@Injectable()
export class ApprovalExclusionsRepository {
  /** Returns the subjects that are excluded from the decision of an approval. */
  listOfApproval(manager: EntityManager, approvalId: string): Promise<Exclusion[]> {
    return sql(manager, OF_APPROVAL, [approvalId]);
  }

  /** Returns the subjects that are excluded from a decision for which no approval was requested. */
  listOfQuestion(
    manager: EntityManager,
    { task_id, approver_role, digest }: Question,
  ): Promise<Exclusion[]> {
    return sql(manager, OF_QUESTION, [task_id, approver_role, digest]);
  }
}

const OF_APPROVAL = `
  SELECT e.subject, e.role FROM approvals a CROSS JOIN LATERAL (${excludedFrom('a')}) e WHERE a.id = $1`;

const OF_QUESTION = `
  SELECT e.subject, e.role FROM (${QUESTION}) a CROSS JOIN LATERAL (${excludedFrom('a')}) e
  UNION ALL
  -- A subject that requested an approval from this role does not decide for it; nor does a worker after such a request.
  SELECT asked.requested_by, asked.requested_role FROM approvals asked
   WHERE asked.task_id = $1 AND asked.requested_by IS NOT NULL AND $2 = ANY(asked.stages)
  UNION ALL
  SELECT s.claimed_by, s.role FROM sessions s
   WHERE s.task_id = $1 AND s.attempt IS NOT NULL AND s.claimed_by IS NOT NULL
     AND EXISTS (SELECT 1 FROM approvals asked
                  WHERE asked.task_id = $1 AND asked.requested_by IS NOT NULL
                    AND ($2 = ANY(asked.stages) OR $2 IN (asked.approver_role, asked.delegated_from)))`;
