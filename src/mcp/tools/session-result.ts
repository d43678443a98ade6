import type { SessionDto } from '../../sessions/dto/session.dto.js';
import {
  outputSchema,
  text,
  textOrNull,
  SESSION_STATUS,
  LEASE_EXPIRES_AT,
  RUN_UNTIL,
} from './schemas.js';
import { type ToolResponse, prefixedOrNull } from './tool.js';
import type { JsonOf } from './json-of.js';
import { attemptOf } from './task-result.js';

/** The output schema of a tool that changes a session. */
export const SESSION = outputSchema({
  session_id: text('The session.'),
  task_id: textOrNull('The task of the session.'),
  status: SESSION_STATUS,
  lease_expires_at: LEASE_EXPIRES_AT,
  run_until: RUN_UNTIL,
});

/** Returns the result of a tool that changes a session. */
export function toSession(
  body: JsonOf<SessionDto>,
  describe: (session: JsonOf<SessionDto>) => string,
): ToolResponse {
  return {
    text: describe(body),
    content: {
      session_id: prefixedOrNull('session', body.id),
      task_id: prefixedOrNull('task', body.task_id),
      ...attemptOf(body),
    },
  };
}
