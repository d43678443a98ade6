import { withPrefix } from '../common/ids.js';
import type { LogEvent } from './log-event.js';
import type { CloudEventDto } from './dto/cloud-event.dto.js';

export const CLOUD_EVENTS = 'application/cloudevents+json';

/** The source of the events of a controller without `PUBLIC_URL`. */
const SOURCE = 'urn:agent-mesh-controller';

/** Returns the CloudEvents type of an audit event type: `task_routed` is `task.routed`. */
export function toCloudEventType(eventType: string): string {
  return eventType.startsWith('agent.') ? eventType : eventType.replace('_', '.');
}

/** Returns the audit event type of a CloudEvents type. */
export function toAuditEventType(type: string): string {
  return type.startsWith('agent.') ? type : type.replace('.', '_');
}

/** Maps an event to a CloudEvents 1.0 event in JSON format, with the extensions `sequence`, `traceparent` and `role`. */
export function toCloudEvent(event: LogEvent, source = SOURCE): CloudEventDto {
  const subject = subjectOf(event);
  return {
    specversion: '1.0',
    id: event.id,
    source,
    type: toCloudEventType(event.event_type),
    ...(subject !== undefined && { subject }),
    time: event.timestamp,
    datacontenttype: 'application/json',
    sequence: String(event.position),
    traceparent: traceparentOf(event),
    role: event.role,
    data: {
      actor: event.actor,
      trace_id: event.trace_id,
      task_id: event.task_id,
      session_id: event.session_id,
      approval_id: event.approval_id,
      metadata: event.metadata,
    },
  };
}

function subjectOf({ task_id, approval_id, session_id }: LogEvent): string | undefined {
  if (task_id !== null) return withPrefix('task', task_id);
  if (approval_id !== null) return withPrefix('approval', approval_id);
  return session_id === null ? undefined : withPrefix('session', session_id);
}

/** The trace of the event, with the end of the event's id as the parent: https://www.w3.org/TR/trace-context/ */
function traceparentOf({ trace_id, id }: LogEvent): string {
  return `00-${trace_id.replaceAll('-', '')}-${id.replaceAll('-', '').slice(16)}-01`;
}
