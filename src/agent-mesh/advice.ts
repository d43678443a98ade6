import type { Problem } from './mesh.js';
import { linesOf } from './tool.js';

const RENEW =
  'Renew the token: a new MESH_JWT_TOKEN (restart this server), or a new content of the file that MESH_JWT_TOKEN_FILE names (read again at once); for /mcp over HTTP, the Authorization header in your client’s configuration. Then call again.';

/** What to do next, for the codes that have more to say than their status. */
const BY_CODE: Readonly<Record<string, string>> = {
  'request.invalid': 'Correct the arguments that are named, and call again.',
  'auth.role_not_held':
    'Name a role that whoami lists, or renew the token with one that carries the role.',
  'auth.role_ambiguous': 'Name the role to act for; whoami lists yours.',
  'session.id_required': 'Give the session_id that claim_task answered, not the id of the task.',
  'session.claimed': 'Another agent has it: leave it alone.',
  'session.ended': 'The work is over or was taken over: stop working on it.',
  'session.run_limit': 'Call complete_task or fail_task now: no heartbeat helps.',
  'task.cancelled':
    'Stop working on it: its result is not wanted any more. Call claim_task for other work.',
  'task.cascade_limit': 'Cancel the tasks below it first, then this one.',
  'task.release_limit': 'Call complete_task, or fail_task with retryable true.',
  'task.claimed': 'Another agent has it: claim another one.',
  'task.finished': 'Read fetch_status for how it ended; send a new task if more is needed.',
  'approval.pending':
    'Wait for the decision, or call complete_task with withdraw_pending true to give it up.',
  'approval.ambiguous': 'Call decide_approval with one of the approval ids that are named.',
  'approval.pending_exists': 'Wait for the decision that is pending; do not ask again.',
  'approval.decided': 'It is settled: read list_approvals for how.',
  'approval.other_task': 'Give the approval_id of an approval of this task: see list_approvals.',
  'approval.none_pending': 'Nothing of this task waits for you to decide: see list_approvals.',
  'approval.four_eyes': 'Another subject of the approver role has to decide.',
  'approval.expired': 'It was not decided in time: ask anew if it is still wanted.',
  'approval.voted': 'Your vote is counted; another subject of the role has to approve.',
  'approval.not_approved': 'Do not act. Wait until list_approvals shows the last stage approved.',
  'approval.consumed':
    'Do not act: it allowed one act, and that is used. If it was you and your call was cut off, call again with that call’s idempotency_key.',
  'approval.lapsed': 'Do not act: ask anew.',
  'approval.digest_mismatch':
    'Do not act: this is not what was approved. list_approvals shows the payload that was; ask anew for anything else.',
  'task.approval_required':
    'Wait for the decision that fetch_status says it waits for; if it was rejected or has expired, request_approval anew.',
  'mesh.unreachable': 'Check that the controller runs, correct CONTROLLER_URL, then call again.',
  'mesh.timeout': 'Check the controller’s health or raise MESH_TIMEOUT_SECS, then call again.',
  'mesh.token_unreadable':
    'Write the token to the file that MESH_JWT_TOKEN_FILE names, then call again.',
  'mesh.unexpected_answer':
    'Correct CONTROLLER_URL: a proxy or another service answers there, not the controller.',
  'idempotency.in_progress': 'Call again in a second with the same idempotency_key.',
  'idempotency.payload_mismatch': 'Use a new idempotency_key for a new request.',
};

/** What the caller can do about a problem. */
export function adviceOn({ code, status }: Problem): string {
  const known = Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
  if (known !== undefined) return known;
  if (status === undefined || status === 429 || status >= 500) {
    return 'Call again in a moment; with the same idempotency_key it happens once.';
  }
  if (status === 401 || status === 403) return status === 401 ? RENEW : `${NOT_YOURS} ${RENEW}`;
  if (status === 404) return 'Check the id. What is missing and what is not yours look the same.';
  if (status === 409 || status === 412) return 'Read fetch_status, and decide anew.';
  return 'Do not send the same again: change the request.';
}

const NOT_YOURS = 'Another role has to do this. If the role is yours and the token lacks it:';

/** A problem as a person, or a model, reads it. */
export function explain(problem: Problem, headline: string): string {
  const { code, status, detail, errors = [] } = problem;
  const lines = [
    `${headline} (${code}${status === undefined ? '' : `, HTTP ${status}`}): ${detail}`,
    ...errors.map(({ pointer, message }) => `- ${pointer}: ${message}`),
    `Next: ${adviceOn(problem)}`,
  ];
  return linesOf(lines);
}
