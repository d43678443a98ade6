import type { MeshProblem } from './mesh-client.js';
import { escapedLines } from './tool.js';

const RENEW =
  'Renew the token: write it to the file that MESH_JWT_TOKEN_FILE names (no restart), or set MESH_JWT_TOKEN and restart this server; for /mcp over HTTP change the Authorization header in your client’s configuration. Then call again.';

/** The next step for codes that need other advice than their HTTP status. */
const HINTS: Readonly<Record<string, string>> = {
  'request.invalid': 'Correct the named arguments, and call again.',
  'auth.role_not_held':
    'Pass a role that whoami returns, or renew the token with one that carries the role.',
  'auth.role_ambiguous': 'Pass the role to act for; whoami returns your roles.',
  'session.id_required': 'Pass the session_id that claim_task returned, not the task_id.',
  'session.claimed': 'Stop: another agent has claimed the session. Call claim_task for other work.',
  'session.ended':
    'Stop working on it: the session has ended, and another agent may have claimed the task.',
  'session.run_limit': 'Call complete_task or fail_task now: the run limit cannot be extended.',
  'task.cancelled': 'Stop working on it: the task was cancelled. Call claim_task for other work.',
  'task.cascade_limit': 'Cancel its subtasks first, then this task.',
  'task.release_limit': 'Call complete_task, or fail_task with retryable true.',
  'task.claimed': 'Claim another task: another agent has claimed this one.',
  'task.finished': 'Read the outcome with fetch_status; send a new task if more work is needed.',
  'approval.pending':
    'Wait for the decision, or call complete_task with withdraw_pending true to withdraw the approval.',
  'approval.ambiguous': 'Call decide_approval with one of the named approval ids.',
  'approval.pending_exists':
    'Wait for the decision on the pending approval; do not request another.',
  'approval.decided':
    'Do nothing more: the approval is decided. Read the decision with list_approvals.',
  'approval.other_task':
    'Pass the approval_id of an approval of this task; list_approvals with task_id returns them.',
  'approval.none_pending':
    'Call list_approvals with waiting_for me for the approvals that you can decide.',
  'approval.four_eyes': 'Leave the decision to another subject of the approver role.',
  'approval.expired':
    'Call request_approval again if the approval is still needed: this one was not decided in time.',
  'approval.voted':
    'Do nothing more: your vote is counted. Another subject of the role must approve.',
  'approval.not_approved': 'Do not act. Wait until list_approvals shows the last stage approved.',
  'approval.consumed':
    'Do not act: the approval allowed one action and is consumed. If you consumed it and did not receive the response, call again with the idempotency_key of that call.',
  'approval.lapsed':
    'Do not act: the time to consume the approval is over. Call request_approval again.',
  'approval.erased':
    'Do not act: the payload was erased. Call request_approval again with the payload.',
  'approval.digest_mismatch':
    'Do not act: the payload is not the approved one. Read the approved payload with list_approvals; for another payload call request_approval.',
  'task.approval_required':
    'Wait for the approval that fetch_status lists in waits_for; if it was rejected or has expired, call request_approval again.',
  'events.cursor_invalid': 'Pass next of an earlier result as after, or call again without after.',
  'events.cursor_gone':
    'Call again with that cursor as after. Changes after it that you have seen can be lost: read their state again.',
  'events.filter_forbidden': 'Pass a task_id that you can read, or call again without task_id.',
  'mesh.unreachable': 'Check that the controller runs, correct CONTROLLER_URL, then call again.',
  'mesh.timeout': 'Check the controller’s health or raise MESH_TIMEOUT_SECS, then call again.',
  'mesh.token_unreadable':
    'Write the token to the file that MESH_JWT_TOKEN_FILE names, or the secret to MESH_CLIENT_SECRET_FILE, then call again.',
  'mesh.credentials_refused':
    'Correct MESH_CLIENT_ID, the secret, MESH_SCOPE and MESH_AUDIENCE, then restart this server.',
  'mesh.issuer_unreachable': 'Check that the identity provider runs, then call again.',
  'mesh.issuer_invalid':
    'Correct MESH_ISSUER_URL: it is not the issuer of the identity provider; then restart this server.',
  'mesh.path_invalid': 'Correct the id in the arguments, then call again.',
  'mesh.unexpected_answer':
    'Correct CONTROLLER_URL: a proxy or another service answers there, not the controller.',
  'idempotency.in_progress': 'Call again in a second with the same idempotency_key.',
  'idempotency.payload_mismatch': 'Use a new idempotency_key for a new request.',
};

/** Returns the next step for the caller, as a sentence. */
export function hintFor({ code, status }: MeshProblem): string {
  const known = Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
  if (known !== undefined) return known;
  if (status === undefined || status === 429 || status >= 500) {
    return 'Call again in a moment with the same idempotency_key, so that the call is executed only once.';
  }
  if (status === 401 || status === 403) return status === 401 ? RENEW : `${NOT_YOURS} ${RENEW}`;
  if (status === 404)
    return 'Check the id. An object that you are not allowed to read is also reported as not found.';
  if (status === 409 || status === 412)
    return 'Read the current state with fetch_status, then decide what to call.';
  return 'Change the arguments before you call again.';
}

const NOT_YOURS = 'Another role must do this. If you should hold the role and your token lacks it:';

/** Writes a problem as text for a person or a model: title, code, status, detail, faulty arguments, next step. */
export function toErrorText(problem: MeshProblem, headline: string): string {
  const { code, status, detail, errors = [] } = problem;
  const lines = [
    `${headline} (${code}${status === undefined ? '' : `, HTTP ${status}`}): ${detail}`,
    ...errors.map(({ pointer, message }) => `- ${pointer}: ${message}`),
    `Next: ${hintFor(problem)}`,
  ];
  return escapedLines(lines);
}
