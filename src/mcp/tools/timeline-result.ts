import type { TimelineEntryDto, WaitsForDto } from '../../tasks/dto/task-history.dto.js';
import { object, list } from './schemas.js';
import { type Members, prefixedOrNull } from './tool.js';
import { type JsonOf, type NameOf } from './json-of.js';

export const EVENT = object(
  'at, event, role, actor; from and to of a status change; reason: the cause, such as lease_lost; told: the reason that the caller gave; session_id, approval_id.',
);
export const WAITS_FOR = list(
  'Conditions that the task waits for: what (claim, due_time, worker, approval), who (the role or subject), since; approval_id of a pending approval. An approval without approval_id must be requested again. A claim with approval_id: the worker voted on that approval, so another agent must claim the task.',
  object('what, who, since, approval_id.'),
);

const PREFIXES = {
  session_id: 'session',
  approval_id: 'approval',
  until_approval: 'approval',
  cause: 'task',
} as const satisfies Partial<Record<NameOf<TimelineEntryDto>, string>>;

/** Adds the prefix to the ids of an event or of a condition that the task waits for. */
export function withPrefixedIds(entry: JsonOf<TimelineEntryDto | WaitsForDto>): Members {
  const prefixed: Members = { ...entry };
  for (const [name, kind] of Object.entries(PREFIXES)) {
    if (name in prefixed) prefixed[name] = prefixedOrNull(kind, prefixed[name]);
  }
  return prefixed;
}
