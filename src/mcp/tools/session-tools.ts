import { failureText } from '../../http/failure-report.js';
import {
  outputSchema,
  boolean,
  id,
  list,
  object,
  LEASE_EXPIRES_AT,
  REASON,
  RUN_UNTIL,
  SESSION_ID,
  SESSION_STATUS,
  inputSchema,
  text,
  textOrNull,
  integer,
} from './schemas.js';
import { attemptOf } from './task-view.js';
import {
  pickGiven,
  type Members,
  prefixedOrNull,
  recordsOf,
  memberText,
  type Tool,
  type ToolResponse,
} from './tool.js';

const SESSION = outputSchema({
  session_id: text('The session.'),
  task_id: textOrNull('The task of the session.'),
  status: SESSION_STATUS,
  lease_expires_at: LEASE_EXPIRES_AT,
  run_until: RUN_UNTIL,
});

function toSession(body: Members, describe: (session: Members) => string): ToolResponse {
  return {
    text: describe(body),
    content: {
      session_id: prefixedOrNull('session', body.id),
      task_id: prefixedOrNull('task', body.task_id),
      ...attemptOf(body),
    },
  };
}

const heartbeat: Tool = {
  name: 'heartbeat',
  title: 'Extend the lease of a claimed task',
  description:
    'Restarts the lease of a task that you claimed. Call it well before lease_expires_at for as long as you work. If it is refused with task.cancelled or session.ended, stop working: the task is no longer yours. If it is refused with session.run_limit, end the task now.',
  kind: 'write',
  idempotent: true,
  input: inputSchema(
    {
      session_id: SESSION_ID,
      lease_seconds: integer(
        'New length of the lease in seconds, at least 30 unless the operator allows less. Default: its current length.',
        1,
        3_600,
      ),
    },
    ['session_id'],
  ),
  output: SESSION,
  keyDescriptions: {
    idempotency_key:
      'Identifies the call. Default: a new key. Each heartbeat is executed, also with the key of an earlier one: after a call without a response, call again.',
    replayed: 'Always false: each heartbeat is executed.',
  },
  async run(mesh, args) {
    const { body } = await mesh.call('extend_lease', {
      id: memberText(args.session_id),
      body: pickGiven(args, 'lease_seconds'),
    });
    return toSession(
      body,
      (session) => `The lease ends at ${memberText(session.lease_expires_at)}.`,
    );
  },
};

const completeTask: Tool = {
  name: 'complete_task',
  title: 'Complete a task with its result',
  description:
    'Completes a task that you claimed and stores its result. Call it once, when the work is done. While an approval that you requested is pending it is refused with approval.pending: wait for the decision, or set withdraw_pending. If the work failed use fail_task; if another agent of your role should continue use release_task.',
  kind: 'write',
  idempotent: true,
  input: inputSchema(
    {
      session_id: SESSION_ID,
      result: object(
        'The result, for the requester. claim_task returns its size limits in limits.',
      ),
      withdraw_pending: boolean(
        'Whether to withdraw the pending approvals that you requested. Default: false.',
      ),
    },
    ['session_id'],
  ),
  output: outputSchema({
    ...SESSION.properties,
    withdrawn_approvals: list(
      'The pending approvals that were withdrawn because the task ended.',
      object('approval_id, approver_role and requested_by.'),
    ),
  }),
  async run(mesh, args) {
    const body = { status: 'completed', ...pickGiven(args, 'result', 'withdraw_pending') };
    const answer = await mesh.call('update_session', { id: memberText(args.session_id), body });
    const withdrawn = recordsOf(answer.body.withdrawn_approvals);
    const session = toSession(answer.body, () => completedText(withdrawn));
    return { ...session, content: { ...session.content, withdrawn_approvals: withdrawn } };
  },
};

function completedText(withdrawn: readonly Members[]): string {
  const names = withdrawn.map(
    ({ approval_id, approver_role }) => `${memberText(approval_id)} (${memberText(approver_role)})`,
  );
  return `The task is completed.${names.length > 0 ? ` Withdrawn: ${names.join(', ')}.` : ''}`;
}

const failTask: Tool = {
  name: 'fail_task',
  title: 'Fail a task',
  description:
    'Ends your attempt at a task that you cannot complete. With retryable true another attempt follows after a pause, while attempts are left; with false, the default, the task fails. If you only cannot continue and another agent could, use release_task.',
  kind: 'write',
  destructive: true,
  idempotent: true,
  input: inputSchema(
    {
      session_id: SESSION_ID,
      error: text(
        'The cause, for the requester. Any length; the first 10,000 characters are stored.',
      ),
      retryable: boolean('Whether another attempt may succeed. Default: false.'),
    },
    ['session_id', 'error'],
  ),
  output: SESSION,
  prepare: toReport,
  async run(mesh, args) {
    const body = { status: 'failed', ...pickGiven(args, 'error', 'retryable') };
    const answer = await mesh.call('update_session', { id: memberText(args.session_id), body });
    return toSession(answer.body, () => 'The attempt is failed.');
  },
};

const REPORT_MEMBERS = ['session_id', 'error', 'retryable', 'idempotency_key'];

/** Makes the error storable before validation: a failure report is never refused for its size or characters. */
function toReport({ error: told, ...args }: Members): Members {
  const notStored = Object.keys(args).filter((name) => !REPORT_MEMBERS.includes(name));
  const error = failureText(told === '' ? 'No reason given' : told, notStored);
  return { ...pickGiven(args, ...REPORT_MEMBERS), ...(error !== undefined && { error }) };
}

const RELEASED_STATUS = text(
  'failed: the session has ended. The task is still open, and its next claim has another session.',
);

const releaseTask: Tool = {
  name: 'release_task',
  title: 'Release a task',
  description:
    'Gives a claimed task back without using up an attempt. By default another agent of the role can claim it at once: use it when you cannot continue but another agent could. With until_approval the task is due when that approval ends: decided (with stages the last one, or one rejected), withdrawn or expired. Use it instead of a long lease while a person decides, then claim the task again. With not_before it is due at that time. A task can be released 100 times; after that use fail_task with retryable true.',
  kind: 'write',
  idempotent: true,
  input: inputSchema(
    {
      session_id: SESSION_ID,
      reason: REASON,
      not_before: text(
        'Time (RFC 3339) before which the task cannot be claimed, such as 2036-01-31T12:00:00Z. Not together with until_approval.',
      ),
      until_approval: id(
        'An approval of this task: the approval_id that request_approval returned. Not together with not_before.',
      ),
    },
    ['session_id'],
  ),
  output: outputSchema({ ...SESSION.properties, status: RELEASED_STATUS }),
  async run(mesh, args) {
    const { body } = await mesh.call('release_session', {
      id: memberText(args.session_id),
      body: pickGiven(args, 'reason', 'not_before', 'until_approval'),
    });
    return toSession(body, () => releasedText(args));
  },
};

function releasedText({ not_before, until_approval }: Members): string {
  const approval = memberText(until_approval);
  if (approval)
    return `The task is released. It is due when ${approval}, with all its later stages, is decided, withdrawn or expired.`;
  const time = memberText(not_before);
  return time
    ? `The task is released. It is due at ${time}.`
    : 'The task is released. It is due now.';
}

/** Tools for a claimed task. */
export const SESSION_TOOLS: readonly Tool[] = [heartbeat, completeTask, failTask, releaseTask];
