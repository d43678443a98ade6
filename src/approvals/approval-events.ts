import type { AuditEventType } from '../audit/audit-event-types.js';
import type { NewAuditEvent } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import type { Approval } from './approval.entity.js';

/** Returns an audit event about an approval. */
export function approvalEvent(
  event_type: AuditEventType,
  approval: Pick<Approval, 'id' | 'task_id' | 'approver_role'>,
  { trace_id }: { trace_id: string },
  by: Actor,
  metadata: Record<string, unknown> = {},
): NewAuditEvent {
  return {
    event_type,
    trace_id,
    by,
    task_id: approval.task_id,
    approval_id: approval.id,
    metadata: { approver_role: approval.approver_role, ...metadata },
  };
}
