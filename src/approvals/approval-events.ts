import type { AuditEventType } from '../audit/audit-event-types.js';
import type { NewAuditEvent } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import type { TaskFacts } from '../lifecycle/task-facts.js';
import type { Approval } from './approval.entity.js';

/** What the audit trail tells of an approval. */
export function approvalEvent(
  event_type: AuditEventType,
  approval: Approval,
  task: TaskFacts,
  by: Actor,
  metadata: Record<string, unknown> = {},
): NewAuditEvent {
  return {
    event_type,
    trace_id: task.trace_id,
    by,
    task_id: approval.task_id,
    approval_id: approval.id,
    metadata: { approver_role: approval.approver_role, ...metadata },
  };
}
