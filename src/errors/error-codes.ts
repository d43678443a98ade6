/**
 * Every error the API can answer: its stable code, its HTTP status and its title.
 * Clients may branch on the code; the detail of an answer is for people.
 */
export const ERRORS = {
  'request.invalid': [400, 'The request is not valid'],
  'request.malformed': [400, 'The request cannot be read'],
  'request.route_not_found': [404, 'There is no such route'],
  'request.method_not_allowed': [405, 'The route does not take this method'],
  'request.too_large': [413, 'The request body is too large'],
  'request.media_type': [415, 'The request body is not JSON'],
  'request.rate_limited': [429, 'Too many requests'],
  'auth.token_missing': [401, 'A bearer token is required'],
  'auth.token_invalid': [401, 'The bearer token is not valid'],
  'auth.token_expired': [401, 'The bearer token has expired'],
  'auth.keys_unavailable': [503, 'The token cannot be checked now'],
  'auth.forbidden': [403, 'This is not yours to do'],
  'auth.role_not_held': [403, 'The role is not held by the caller'],
  'auth.role_ambiguous': [400, 'A role must be chosen'],
  'session.not_found': [404, 'There is no such session'],
  'session.exists': [409, 'The session id is taken'],
  'session.claimed': [409, 'The session is held by another agent'],
  'session.id_required': [409, 'Only a session id can be written to'],
  'session.ended': [409, 'The session has ended'],
  'session.run_limit': [409, 'The attempt has run for as long as its task allows'],
  'session.not_attempt': [409, 'The session carries no task'],
  'session.task_set': [409, 'The session already has a task'],
  'session.version_mismatch': [412, 'The session has changed'],
  'lifecycle.invalid_transition': [409, 'The session cannot make this transition'],
  'task.not_found': [404, 'There is no such task'],
  'task.claimed': [409, 'The task is held by another agent'],
  'task.not_due': [409, 'The task is not due yet'],
  'task.open': [409, 'The task is still open'],
  'task.cancelled': [409, 'The task was cancelled'],
  'task.finished': [409, 'The task has ended'],
  'task.release_limit': [409, 'The task was released too often'],
  'task.approval_required': [409, 'The task needs an approval before it is completed'],
  'task.delegation_loop': [422, 'The task is delegated too deep or in a circle'],
  'approval.not_found': [404, 'There is no such approval'],
  'approval.none_pending': [404, 'There is no pending approval to decide'],
  'approval.pending': [409, 'An approval that the worker asked for is pending'],
  'approval.pending_exists': [409, 'The approval is already asked for'],
  'approval.decided': [409, 'The approval has already been settled'],
  'approval.expired': [409, 'The approval was not decided in time'],
  'approval.voted': [409, 'The caller has voted already'],
  'approval.four_eyes': [403, 'The one who asks may not decide'],
  'approval.open': [409, 'The approval is not to be asked for again'],
  'approval.superseded': [409, 'The approval was asked for again already'],
  'approval.delegation_refused': [409, 'The decision cannot be handed on'],
  'approval.other_task': [409, 'The approval is not one of the task'],
  'approval.recall_refused': [409, 'The decision cannot be recalled'],
  'approval.ambiguous': [409, 'The request could mean several approvals'],
  'approval.not_approved': [409, 'There is nothing approved to use'],
  'approval.consumed': [409, 'What was approved is used already'],
  'approval.lapsed': [409, 'What was approved was not used in time'],
  'approval.digest_mismatch': [422, 'This is not what was approved'],
  'mcp.origin_not_allowed': [403, 'Pages of this origin may not call'],
  'idempotency.in_progress': [409, 'A request with this key is in progress'],
  'idempotency.payload_mismatch': [422, 'The key was used with another request'],
  'idempotency.not_found': [404, 'There is no completed request with this key'],
  'database.unavailable': [503, 'The database cannot answer now'],
  'database.commit_unknown': [503, 'The outcome of the commit is unknown'],
  'server.overloaded': [503, 'The controller is too busy'],
  'server.error': [500, 'Something went wrong'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof ERRORS;

/** The HTTP status that a code is answered with. */
export function statusOf(code: ErrorCode): number {
  return ERRORS[code][0];
}

/** The short, constant summary of a code (RFC 9457 `title`). */
export function titleOf(code: ErrorCode): string {
  return ERRORS[code][1];
}
