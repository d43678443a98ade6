/**
 * All errors of the API: stable code, HTTP status and title. Clients may branch on the code; the title and the detail of a
 * response are for people.
 */
export const ERRORS = {
  'request.invalid': [400, 'The request is not valid'],
  'request.malformed': [400, 'The request cannot be parsed'],
  'request.route_not_found': [404, 'The route does not exist'],
  'request.method_not_allowed': [405, 'The route does not accept this method'],
  'request.too_large': [413, 'The request body is too large'],
  'request.media_type': [415, 'The request body is not JSON'],
  'request.rate_limited': [429, 'Too many requests'],
  'auth.token_missing': [401, 'A bearer token is required'],
  'auth.token_invalid': [401, 'The bearer token is not valid'],
  'auth.token_expired': [401, 'The bearer token has expired'],
  'auth.keys_unavailable': [503, 'The token cannot be verified now'],
  'auth.forbidden': [403, 'The caller lacks permission'],
  'auth.role_not_held': [403, 'The caller does not hold the role'],
  'auth.role_ambiguous': [400, 'The request must name a role'],
  'session.not_found': [404, 'The session was not found'],
  'session.exists': [409, 'The session id is already in use'],
  'session.claimed': [409, 'Another agent has claimed the session'],
  'session.id_required': [409, 'The request requires a session id'],
  'session.ended': [409, 'The session has ended'],
  'session.run_limit': [409, 'The attempt has reached the run limit of its task'],
  'session.not_attempt': [409, 'The session has no task'],
  'session.task_set': [409, 'The session already has a task'],
  'session.version_mismatch': [412, 'The session has changed'],
  'lifecycle.invalid_transition': [409, 'The session cannot make this transition'],
  'task.not_found': [404, 'The task was not found'],
  'task.claimed': [409, 'Another agent has claimed the task'],
  'task.not_due': [409, 'The task is not due yet'],
  'task.open': [409, 'The task is still open'],
  'task.cancelled': [409, 'The task was cancelled'],
  'task.finished': [409, 'The task has ended'],
  'task.release_limit': [409, 'The task was released too often'],
  'task.cascade_limit': [409, 'The cascade would cancel too many tasks'],
  'task.approval_required': [409, 'The task requires an approval before completion'],
  'task.delegation_loop': [422, 'The delegation chain is too deep or circular'],
  'approval.not_found': [404, 'The approval was not found'],
  'approval.none_pending': [404, 'There is no pending approval to decide'],
  'approval.pending': [409, 'An approval that the worker requested is pending'],
  'approval.pending_exists': [409, 'A pending approval already exists'],
  'approval.decided': [409, 'The approval has already been decided'],
  'approval.expired': [409, 'The approval expired without a decision'],
  'approval.voted': [409, 'The caller has already voted'],
  'approval.four_eyes': [403, 'The four-eyes principle excludes the caller'],
  'approval.human_required': [403, 'A person has to decide'],
  'approval.already_consumed': [409, 'An approval of the same payload was already consumed'],
  'approval.not_held': [409, 'The task has to be claimed first'],
  'approval.limit_reached': [409, 'The task has too many approvals or approver roles'],
  'approval.open': [409, 'The approval is still open'],
  'approval.superseded': [409, 'The approval was already resubmitted'],
  'approval.delegation_refused': [409, 'The decision cannot be delegated'],
  'approval.other_task': [409, 'The approval belongs to another task'],
  'approval.recall_refused': [409, 'The decision cannot be recalled'],
  'approval.ambiguous': [409, 'The request matches several approvals'],
  'approval.not_approved': [409, 'The approval is not approved'],
  'approval.consumed': [409, 'The approval was already consumed'],
  'approval.lapsed': [409, 'The approval was not consumed in time'],
  'approval.digest_mismatch': [422, 'The digest does not match the approved payload'],
  'events.cursor_invalid': [400, 'The cursor is not valid'],
  'events.filter_forbidden': [403, 'The caller may not read these events'],
  'events.cursor_gone': [410, 'The cursor is beyond the end of its epoch'],
  'events.too_many_streams': [429, 'The caller has too many event streams'],
  'webhook.not_found': [404, 'The webhook was not found'],
  'webhook.delivery_not_found': [404, 'The delivery was not found'],
  'webhook.url_refused': [400, 'The URL cannot receive webhooks'],
  'webhook.version_mismatch': [412, 'The webhook has changed'],
  'webhook.disabled': [409, 'The webhook is not enabled'],
  'webhook.limit_reached': [409, 'There are too many webhooks'],
  'webhook.replay_limit': [409, 'The replay would send too many events'],
  'webhook.not_configured': [409, 'Webhooks are not configured'],
  'mcp.origin_not_allowed': [403, 'The origin is not allowed'],
  'idempotency.in_progress': [409, 'A request with this idempotency key is in progress'],
  'idempotency.payload_mismatch': [422, 'The idempotency key was used with another request'],
  'idempotency.not_found': [404, 'No completed request has this idempotency key'],
  'database.unavailable': [503, 'The database is unavailable'],
  'database.commit_unknown': [503, 'The outcome of the commit is unknown'],
  'server.overloaded': [503, 'The controller is overloaded'],
  'server.error': [500, 'An internal error occurred'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof ERRORS;

/** Returns the HTTP status of a code. */
export function statusOf(code: ErrorCode): number {
  return ERRORS[code][0];
}

/** Returns the constant summary of a code (RFC 9457 `title`). */
export function titleOf(code: ErrorCode): string {
  return ERRORS[code][1];
}
