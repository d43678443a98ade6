/** An audit event, as the replay check reads it. */
export interface LogEntry {
  /** Place in the log, from 0; null if the event has no position yet, or is from before the event log. */
  entry: number | null;
  id: string;
  event_type: string;
  role: string;
  /** The name that stands for the actor in the tables. Undefined: the event was erased, and the name is unknown. */
  actor: string | undefined;
  /** Time of the event, in milliseconds, as facts have it. */
  at: string;
  trace_id: string;
  task_id: string | null;
  session_id: string | null;
  approval_id: string | null;
  /** Null if the event was erased. */
  salt: string | null;
  metadata: Record<string, unknown>;
}

/** A position of the log without its event. */
export interface MissingEvent {
  entry: number;
  event_type: null;
}
