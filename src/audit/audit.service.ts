import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { afterCommit } from '../database/transaction-hooks.js';
import { type AffectedResource, recordAffectedResource } from '../idempotency/keyed-context.js';
import { EventMetricsService } from '../observability/event-metrics.service.js';
import { newId } from '../common/new-id.js';
import { requestContext } from '../observability/request-context.js';
import type { AuditEventType } from './audit-event-types.js';
import { commit } from '../../packages/verify/src/leaf.js';
import { AuditRepository, type AuditRow, serializeEvents } from './audit.repository.js';

/** An audit event before it has an id. */
export interface NewAuditEvent {
  event_type: AuditEventType | `agent.${string}`;
  /** The trace of the task, session or approval that the event is about. */
  trace_id: string;
  by: Actor;
  task_id?: string | null;
  session_id?: string;
  approval_id?: string;
  /** Facts about the change. Text that a person or an agent wrote is a member `told`, never another one. */
  metadata?: Record<string, unknown>;
  /** The content of the changed row. The event records its commitment as the fact `content`, and not the content. */
  content?: object | undefined;
  /** The time of the change, as text of PostgreSQL. Default: the time of the INSERT. */
  at?: string | undefined;
}

/** Writes the audit log. Each change records its event here, in the transaction of the change. */
@Injectable()
export class AuditService {
  private readonly commitListeners: (() => void)[] = [];

  constructor(
    private readonly events: AuditRepository,
    private readonly metrics: EventMetricsService,
  ) {}

  /** Calls `listener` after each commit of an event by this process. */
  onCommit(listener: () => void): void {
    this.commitListeners.push(listener);
  }

  /** Records an event in the transaction of its change. Call it after the change. Returns the id of the event. */
  record(manager: EntityManager, event: NewAuditEvent): string {
    const row = this.toRow(manager, event);
    this.events.insert(manager, [row]);
    recordAffectedResource(manager, affectedResource(row));
    return row.id;
  }

  /**
   * Returns the value for the event placeholder of a statement made by `withEvent`, which makes a change and
   * inserts its event.
   */
  eventPayload(manager: EntityManager, event: NewAuditEvent): string {
    const row = this.toRow(manager, event);
    recordAffectedResource(manager, affectedResource(row));
    return serializeEvents([row]);
  }

  /** Records many events with one statement. Returns their ids. */
  recordAll(manager: EntityManager, events: readonly NewAuditEvent[]): string[] {
    const rows = events.map((event) => this.toRow(manager, event));
    if (rows.length > 0) this.events.insert(manager, rows);
    return rows.map(({ id }) => id);
  }

  /** Assigns an id to the event. Metrics count the event after the commit. */
  private toRow(manager: EntityManager, event: NewAuditEvent): AuditRow {
    const { event_type, trace_id, by, task_id, session_id, approval_id, metadata, content, at } =
      event;
    const salt = randomUUID();
    afterCommit(manager, () => {
      this.metrics.count(event_type, metadata ?? {}, by.role);
      for (const listener of this.commitListeners) listener();
    });
    return {
      id: newId(),
      event_type,
      role: by.role,
      actor: by.subject,
      trace_id,
      task_id,
      session_id,
      approval_id,
      salt,
      at,
      metadata: {
        ...metadata,
        ...(content && { content: commit(salt, 'content', content).digest }),
        // Undefined outside of a request, so that JSON.stringify omits it.
        request_trace_id: requestContext()?.traceId,
      },
    };
  }
}

function affectedResource(row: AuditRow): AffectedResource {
  const { id, event_type, role, approval_id, session_id, task_id } = row;
  if (event_type === 'task_routed' && task_id) return { role, type: 'task', id: task_id };
  if (approval_id) return { role, type: 'approval', id: approval_id };
  if (session_id) return { role, type: 'session', id: session_id };
  return { role, type: 'audit_event', id };
}
