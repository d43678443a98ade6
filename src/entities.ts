import { Approval } from './approvals/approval.entity.js';
import { ApprovalVote } from './approvals/approval-vote.entity.js';
import { VoteRenewal } from './approvals/vote-renewal.entity.js';
import { AuditEvent } from './audit/audit-event.entity.js';
import { Deployment } from './database/deployment.entity.js';
import { ServiceHeartbeat } from './database/service-heartbeat.entity.js';
import { IdempotencyRecord } from './idempotency/idempotency-record.entity.js';
import { RolePause } from './roles/role-pause.entity.js';
import { Session } from './sessions/session.entity.js';
import { RoleLoss } from './subjects/role-loss.entity.js';
import { SeenRole } from './subjects/seen-role.entity.js';
import { SubjectRole } from './subjects/subject-role.entity.js';
import { Task } from './tasks/task.entity.js';

/** The entities of all tables, for tools that run without the application. */
export const ENTITIES = [
  Session,
  Task,
  Approval,
  ApprovalVote,
  AuditEvent,
  IdempotencyRecord,
  ServiceHeartbeat,
  Deployment,
  SubjectRole,
  RoleLoss,
  VoteRenewal,
  SeenRole,
  RolePause,
];
