import type { AuditEventType } from '../audit/audit-event-types.js';
import {
  approvalConsumed,
  approvalDecided,
  approvalExpired,
  approvalExtended,
  approvalMoved,
  approvalRequested,
  approvalVoted,
  approvalWithdrawn,
} from './approval-events.js';
import { dataErased } from './erasure-events.js';
import type { LogEntry } from './log-entry.js';
import type { ReplayState } from './replay-state.js';
import {
  attemptOpened,
  dueTimeMoved,
  sessionChanged,
  sessionCreated,
  taskRouted,
} from './session-events.js';

/** Applies an event to the rows that it changes. Null: the events of this type change no row that is compared. */
type Replay = ((state: ReplayState, event: LogEntry) => void) | null;

const REPLAYS: Record<AuditEventType, Replay> = {
  session_created: sessionCreated,
  session_adopted: sessionChanged,
  session_transitioned: sessionChanged,
  session_updated: sessionChanged,
  task_routed: taskRouted,
  task_claimed: sessionChanged,
  task_released: sessionChanged,
  task_cancelled: sessionChanged,
  task_retried: attemptOpened,
  attempt_opened: attemptOpened,
  attempt_due: dueTimeMoved,
  attempt_postponed: dueTimeMoved,
  approval_requested: approvalRequested,
  approval_voted: approvalVoted,
  approval_decided: approvalDecided,
  approval_withdrawn: approvalWithdrawn,
  approval_expired: approvalExpired,
  approval_extended: approvalExtended,
  approval_delegated: approvalMoved,
  approval_recalled: approvalMoved,
  approval_reassigned: approvalMoved,
  approval_consumed: approvalConsumed,
  role_paused: null,
  role_resumed: null,
  webhook_created: null,
  webhook_updated: null,
  webhook_deleted: null,
  webhook_secret_rotated: null,
  webhook_tested: null,
  webhook_replayed: null,
  webhook_disabled: null,
  access_denied: null,
  log_key_changed: null,
  log_key_revoked: null,
  data_erased: dataErased,
  audit_archived: null,
  log_continued: null,
};

/** Applies an event to the rows that it changes. Returns whether it changes any. */
export function replayEvent(state: ReplayState, event: LogEntry): boolean {
  const { event_type } = event;
  const replay = isType(event_type) ? REPLAYS[event_type] : null;
  replay?.(state, event);
  return replay !== null;
}

function isType(type: string): type is AuditEventType {
  return Object.hasOwn(REPLAYS, type);
}
