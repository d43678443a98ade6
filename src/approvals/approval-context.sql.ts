import { taskStatusNow } from '../lifecycle/overdue.sql.js';
import type { TaskStatus } from '../lifecycle/task-status.js';
import { approvalStatusNow } from './approval-status.sql.js';
import type { ApprovalStatus } from './approval-status.js';

/** Another decision about the same payload, as JSON of PostgreSQL: times are strings. */
export interface EarlierDecision {
  approval_id: string;
  status: ApprovalStatus;
  decided_by: string | null;
  decision_at: string | null;
  consumed_at: string | null;
  consumed_by: string | null;
  attempt: number | null;
}

/** Type, description and status of the task of an approval. */
export interface ApprovedTask {
  task_type: string;
  description: string;
  status: TaskStatus;
}

/** Maximum number of earlier decisions in an approval. */
const MAX_EARLIER = 10;
/** Maximum length of the task's description in a list of approvals, in characters. */
const MAX_PREVIEW = 200;

const endedAt = (approval: string): string =>
  `coalesce(${approval}.decision_at, ${approval}.expires_at)`;

/** SQL for the ended approvals with the task and digest of the approval `a`. If `a` has ended, only those before it. */
export const EARLIER = `
  (SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]')
     FROM (SELECT e.id AS approval_id,
                  CASE WHEN e.status = 'pending' THEN 'expired' ELSE e.status END AS status,
                  e.decided_by, e.decision_at, e.consumed_at, e.consumed_by, e.consumed_attempt AS attempt
             FROM approvals e
            WHERE e.task_id = a.task_id AND e.digest = a.digest AND e.id <> a.id
              AND (e.status <> 'pending' OR e.expires_at <= clock_timestamp())
              AND (a.status = 'pending' OR ${endedAt('e')} <= ${endedAt('a')})
            ORDER BY ${endedAt('e')} DESC, e.id DESC LIMIT ${MAX_EARLIER}) e)`;

/** SQL for the {@link ApprovedTask} of the approval `a`, with the start of its description. */
export const APPROVED_TASK = `
  (SELECT jsonb_build_object('task_type', t.task_type, 'description', left(t.description, ${MAX_PREVIEW}),
                             'status', ${taskStatusNow('s', 's.status')})
     FROM tasks t, sessions s
    WHERE t.id = a.task_id AND s.task_id = t.id AND s.attempt IS NOT NULL
    ORDER BY s.attempt DESC LIMIT 1)`;

/** An approval in the response to a claim: shows what was approved, and what an earlier attempt has consumed. */
export interface ClaimApproval {
  approval_id: string;
  approver_role: string;
  stage: number;
  stages: string[];
  status: ApprovalStatus;
  digest: string | null;
  repeat: boolean;
  expires_at: string | null;
  consume_until: string | null;
  consumed_at: string | null;
  consumed_by: string | null;
  attempt: number | null;
}

/** Maximum number of approvals in the response to a claim. */
const MAX_CLAIM_APPROVALS = 20;

/** SQL for the latest approvals of the task `t`, oldest first. */
export const CLAIM_APPROVALS = `
  (SELECT coalesce(jsonb_agg(to_jsonb(c) - 'created_at' ORDER BY c.created_at, c.approval_id), '[]')
     FROM (SELECT a.id AS approval_id, a.approver_role, a.stage, a.stages, ${approvalStatusNow('a')} AS status,
                  a.digest, a.repeat, a.expires_at, a.consume_until, a.consumed_at, a.consumed_by,
                  a.consumed_attempt AS attempt, a.created_at
             FROM approvals a WHERE a.task_id = t.id
            ORDER BY a.created_at DESC, a.id DESC LIMIT ${MAX_CLAIM_APPROVALS}) c)`;
