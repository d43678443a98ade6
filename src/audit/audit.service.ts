import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { afterCommit } from '../database/transaction-hooks.js';
import { queueSql } from '../database/sql.js';
import { EventMetricsService } from '../observability/event-metrics.service.js';
import { newId } from '../observability/new-id.js';
import {
  type AffectedResource,
  recordAffectedResource,
  requestContext,
} from '../observability/request-context.js';
import type { AuditEventType } from './audit-event-types.js';

export interface NewAuditEvent {
  event_type: AuditEventType | `agent.${string}`;
  /** The trace of the thing that the event is about. */
  trace_id: string;
  by: Actor;
  task_id?: string | null;
  session_id?: string;
  approval_id?: string;
  metadata?: Record<string, unknown>;
}

/** Writes the audit trail. Everything that changes records itself here, in its own transaction. */
@Injectable()
export class AuditService {
  constructor(private readonly metrics: EventMetricsService) {}

  /** Records an event in the transaction of what it tells of, after the change itself; gives the event's id. */
  record(manager: EntityManager, event: NewAuditEvent): string {
    const entry = this.buildEntry(manager, event);
    queueSql(manager, INSERT, [serialize([entry])]);
    recordAffectedResource(effectOf(entry));
    return entry.id;
  }

  /**
   * What a statement made by {@link withEvent} is given in the place of the event, so that what it changes and the
   * event that tells of it are one statement.
   */
  eventPayload(manager: EntityManager, event: NewAuditEvent): string {
    const entry = this.buildEntry(manager, event);
    recordAffectedResource(effectOf(entry));
    return serialize([entry]);
  }

  /** Records many events with one statement. */
  recordAll(manager: EntityManager, events: readonly NewAuditEvent[]): void {
    const entries = events.map((event) => this.buildEntry(manager, event));
    if (entries.length > 0) queueSql(manager, INSERT, [serialize(entries)]);
  }

  /** Gives an event its id; it counts once it is committed. */
  private buildEntry(manager: EntityManager, event: NewAuditEvent): Entry {
    afterCommit(manager, () => {
      this.metrics.count(event.event_type, event.metadata ?? {});
    });
    return { id: newId(), event };
  }
}

function effectOf({ id, event }: Entry): AffectedResource {
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

/** The clock, not the transaction's start, so that the events of one transaction keep their order. */
const insertOf = (entries: string, time = 'clock_timestamp()'): string => `
  INSERT INTO audit_events
    (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, metadata)
  SELECT id, event_type, role, actor, ${time}, trace_id, task_id, session_id, approval_id, metadata
    FROM jsonb_to_recordset(${entries})
      AS e(id uuid, event_type text, role text, actor text, trace_id uuid, task_id uuid, session_id uuid,
           approval_id uuid, metadata jsonb)`;

const INSERT = insertOf('$1');

/**
 * SQL of the change of a row together with the event that tells of it; it answers with the row. Without the change
 * there is no time to tell it of, which {@link NOTHING_CHANGED} does not allow.
 *
 * @param change a statement with RETURNING
 * @param event the placeholder of the event, to be filled by {@link AuditService.eventPayload}
 */
export function withEvent(change: string, event: string): string {
  return `
  WITH change AS (${change}),
       event AS (${insertOf(`${event}::jsonb`, '(SELECT clock_timestamp() FROM change)')})
  SELECT * FROM change`;
}

/** The column of the trail that must not be null, and is where {@link withEvent} has changed nothing. */
export const NOTHING_CHANGED = 'timestamp';

/** Events as the INSERT takes them. */
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
    // Outside of requests it is undefined, and so not written.
    metadata: { ...metadata, request_trace_id: requestContext()?.traceId },
  };
}
