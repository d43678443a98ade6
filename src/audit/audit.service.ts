import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { afterCommit } from '../database/transaction-hooks.js';
import { queueSql } from '../database/sql.js';
import { type AffectedResource, recordAffectedResource } from '../idempotency/keyed-context.js';
import { EventMetricsService } from '../observability/event-metrics.service.js';
import { newId } from '../common/new-id.js';
import { requestContext } from '../observability/request-context.js';
import type { AuditEventType } from './audit-event-types.js';

/** An audit event before it has an id. */
export interface NewAuditEvent {
  event_type: AuditEventType | `agent.${string}`;
  /** The trace of the task, session or approval that the event is about. */
  trace_id: string;
  by: Actor;
  task_id?: string | null;
  session_id?: string;
  approval_id?: string;
  metadata?: Record<string, unknown>;
}

/** Writes the audit log. Each change records its event here, in the transaction of the change. */
@Injectable()
export class AuditService {
  constructor(private readonly metrics: EventMetricsService) {}

  /** Records an event in the transaction of its change. Call it after the change. Returns the id of the event. */
  record(manager: EntityManager, event: NewAuditEvent): string {
    const entry = this.buildEntry(manager, event);
    queueSql(manager, INSERT, [serialize([entry])]);
    recordAffectedResource(manager, affectedResource(entry));
    return entry.id;
  }

  /**
   * Returns the value for the event placeholder of a statement made by {@link withEvent}, which makes a change and
   * inserts its event.
   */
  eventPayload(manager: EntityManager, event: NewAuditEvent): string {
    const entry = this.buildEntry(manager, event);
    recordAffectedResource(manager, affectedResource(entry));
    return serialize([entry]);
  }

  /** Records many events with one statement. */
  recordAll(manager: EntityManager, events: readonly NewAuditEvent[]): void {
    const entries = events.map((event) => this.buildEntry(manager, event));
    if (entries.length > 0) queueSql(manager, INSERT, [serialize(entries)]);
  }

  /** Assigns an id to the event. Metrics count the event after the commit. */
  private buildEntry(manager: EntityManager, event: NewAuditEvent): Entry {
    afterCommit(manager, () => {
      this.metrics.count(event.event_type, event.metadata ?? {});
    });
    return { id: newId(), event };
  }
}

function affectedResource({ id, event }: Entry): AffectedResource {
  const { event_type, by, approval_id, session_id, task_id } = event;
  if (event_type === 'task_routed' && task_id) return { role: by.role, type: 'task', id: task_id };
  if (approval_id) return { role: by.role, type: 'approval', id: approval_id };
  if (session_id) return { role: by.role, type: 'session', id: session_id };
  return { role: by.role, type: 'audit_event', id };
}

interface Entry {
  id: string;
  event: NewAuditEvent;
}

/** Reads the clock, not the start of the transaction, so that the events of one transaction keep their order. */
const insertOf = (entries: string, time = 'clock_timestamp()'): string => `
  INSERT INTO audit_events
    (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, metadata)
  SELECT id, event_type, role, actor, ${time}, trace_id, task_id, session_id, approval_id, metadata
    FROM jsonb_to_recordset(${entries})
      AS e(id uuid, event_type text, role text, actor text, trace_id uuid, task_id uuid, session_id uuid,
           approval_id uuid, metadata jsonb)`;

const INSERT = insertOf('$1');

/**
 * Returns SQL that changes a row and inserts the audit event of the change. Its result is the result of the change. If
 * the change affects no row, the statement fails as a conflict.
 *
 * @param change a statement with RETURNING
 * @param event the placeholder of the event, for the value that {@link AuditService.eventPayload} returns
 */
export function withEvent(change: string, event: string): string {
  return `
  WITH change AS (${change}),
       event AS (${insertOf(`${event}::jsonb`, TIME_OF_CHANGE)})
  SELECT * FROM change`;
}

const TIME_OF_CHANGE = `
  coalesce((SELECT clock_timestamp() FROM change),
           raise_conflict('Another transaction changed the row first.')::timestamptz)`;

/** Serializes events for {@link insertOf}. */
function serialize(entries: readonly Entry[]): string {
  return JSON.stringify(entries.map(toRow));
}

function toRow({ id, event }: Entry): Record<string, unknown> {
  const { event_type, trace_id, by, task_id, session_id, approval_id, metadata } = event;
  return {
    id,
    event_type,
    role: by.role,
    actor: by.subject,
    trace_id,
    task_id,
    session_id,
    approval_id,
    // Undefined outside of a request, so that JSON.stringify omits it.
    metadata: { ...metadata, request_trace_id: requestContext()?.traceId },
  };
}
