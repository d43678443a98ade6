import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import type { AuditEvent } from '../audit/audit-event.entity.js';

/** An audit event at its position in the event log. */
export type LogEvent = Omit<AuditEvent, 'n'> & { position: number };

/** An event with the participant roles of its task, as they were when the event was read. */
export type SharedEvent = LogEvent & { participants: readonly string[] };

/** Selects events. A member that is undefined selects all. */
export interface EventFilter {
  readonly types?: readonly string[];
  readonly task_id?: string;
  readonly trace_id?: string;
}

/** Whether a filter selects an event. */
export function isSelected(event: LogEvent, { types, task_id, trace_id }: EventFilter): boolean {
  return (
    (types === undefined || types.includes(event.event_type)) &&
    (task_id === undefined || event.task_id === task_id) &&
    (trace_id === undefined || event.trace_id === trace_id)
  );
}

/** Whether the agent may read an event: the condition of `GET /audit/events`. */
export function isVisible(event: SharedEvent, agent: Agent): boolean {
  return (
    canReadEverything(agent) ||
    event.participants.some((role) => agent.roles.includes(role)) ||
    (event.actor === agent.subject && event.event_type.startsWith('agent.'))
  );
}
