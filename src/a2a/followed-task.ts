import type { LogEvent } from '../events/log-event.js';
import type { StateFacts } from './a2a-state.js';
import type { PendingApproval, TaskFacts } from './task-facts.js';

/** The state of an open task, as its events change it. */
export class FollowedTask implements StateFacts {
  status: 'pending' | 'active';
  readonly error = null;
  private readonly approvals: Map<string, PendingApproval>;

  constructor({ status, pending }: Pick<TaskFacts, 'status' | 'pending'>) {
    this.status = status === 'active' ? 'active' : 'pending';
    this.approvals = new Map(pending.map((approval) => [approval.id, approval]));
  }

  get pending(): PendingApproval[] {
    return [...this.approvals.values()];
  }

  /** Applies an event. Events can be repeated in their order: the last one decides the state. */
  apply({
    event_type,
    approval_id,
    metadata,
  }: Pick<LogEvent, 'event_type' | 'approval_id' | 'metadata'>): void {
    switch (event_type) {
      case 'task_claimed':
      case 'session_adopted':
        this.status = 'active';
        break;
      case 'attempt_opened':
      case 'task_retried':
        this.status = 'pending';
        break;
      case 'session_transitioned':
        if (metadata.to === 'active') this.status = 'active';
        break;
      case 'approval_requested':
        this.setApproval(approval_id, metadata.approver_role, metadata);
        break;
      case 'approval_delegated':
      case 'approval_recalled':
      case 'approval_reassigned':
        this.setApproval(approval_id, metadata.to, metadata);
        break;
      case 'approval_decided':
      case 'approval_withdrawn':
      case 'approval_expired':
        if (approval_id !== null) this.approvals.delete(approval_id);
        break;
      default:
    }
  }

  private setApproval(id: string | null, role: unknown, facts: Record<string, unknown>): void {
    if (id === null || typeof role !== 'string') return;
    const known = this.approvals.get(id);
    const { digest, expires_at } = facts;
    this.approvals.set(id, {
      id,
      approver_role: role,
      digest: typeof digest === 'string' ? digest : (known?.digest ?? null),
      expires_at:
        typeof expires_at === 'string' ? new Date(expires_at) : (known?.expires_at ?? null),
    });
  }
}
