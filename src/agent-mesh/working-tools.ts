import { failureText } from '../http/failure-report.js';
import {
  answers,
  flag,
  id,
  list,
  object,
  SESSION_ID,
  takes,
  text,
  textOrNull,
  whole,
} from './schemas.js';
import {
  given,
  type Members,
  pick,
  prefixed,
  recordsOf,
  textOf,
  type Tool,
  type ToolAnswer,
} from './tool.js';

const SESSION = answers({
  session_id: text('The session.'),
  task_id: textOrNull('The task that it carries.'),
  status: text('pending, active, completed, failed or expired.'),
  lease_expires_at: textOrNull('Lease expiry. Call heartbeat before this time.'),
  run_until: textOrNull('The end of the attempt whatever its heartbeats; null: no limit.'),
});

function toSession(body: Members, said: (session: Members) => string): ToolAnswer {
  return {
    text: said(body),
    content: {
      session_id: prefixed('session', body.id),
      task_id: prefixed('task', body.task_id),
      ...pick(body, 'status', 'lease_expires_at', 'run_until'),
    },
  };
}

const heartbeat: Tool = {
  name: 'heartbeat',
  title: 'Say that you are still at work',
  description:
    'Extends your lease on a claimed task. Call it well before lease_expires_at while you work. Without lease_seconds the lease keeps its length. Refused with task.cancelled or session.ended: stop working, the task is not yours any more. Refused with session.run_limit: finish now.',
  kind: 'write',
  idempotent: true,
  input: takes(
    {
      session_id: SESSION_ID,
      lease_seconds: whole(
        'The length of the lease in seconds, from now on. Default: the length that it has.',
        1,
        3_600,
      ),
    },
    ['session_id'],
  ),
  output: SESSION,
  async run(mesh, args) {
    const { body } = await mesh.call('extend_lease', {
      id: textOf(args.session_id),
      body: given(args, 'lease_seconds'),
    });
    return toSession(body, (session) => `Yours until ${textOf(session.lease_expires_at)}.`);
  },
};

const completeTask: Tool = {
  name: 'complete_task',
  title: 'Finish a task with its result',
  description:
    'Ends the task that you claimed, with what came out. Use it once, when the work is done. While an approval that you asked for is pending it is refused with approval.pending: wait for the decision, or set withdraw_pending. A failure is fail_task; work for somebody else of your role is release_task.',
  kind: 'write',
  idempotent: true,
  input: takes(
    {
      session_id: SESSION_ID,
      result: object('The result, for the requester. Its limits are limits of claim_task.'),
      withdraw_pending: flag(
        'Whether to withdraw pending approvals that you asked for; default false.',
      ),
    },
    ['session_id'],
  ),
  output: answers({
    ...SESSION.properties,
    withdrawn_approvals: list(
      'The pending approvals that the end of the task withdrew.',
      object('approval_id, approver_role and requested_by.'),
    ),
  }),
  async run(mesh, args) {
    const body = { status: 'completed', ...given(args, 'result', 'withdraw_pending') };
    const answer = await mesh.call('update_session', { id: textOf(args.session_id), body });
    const withdrawn = recordsOf(answer.body.withdrawn_approvals);
    const { text: said, content } = toSession(answer.body, () => completedText(withdrawn));
    return { text: said, content: { ...content, withdrawn_approvals: withdrawn } };
  },
};

function completedText(withdrawn: readonly Members[]): string {
  const names = withdrawn.map(
    ({ approval_id, approver_role }) => `${textOf(approval_id)} (${textOf(approver_role)})`,
  );
  return `The task is completed.${names.length > 0 ? ` Withdrawn: ${names.join(', ')}.` : ''}`;
}

const failTask: Tool = {
  name: 'fail_task',
  title: 'Give a task up',
  description:
    'Ends your attempt at a task that cannot be done. retryable true: another attempt may succeed, and follows after a pause while attempts are left; false, the default: the task has failed for good.',
  kind: 'write',
  destructive: true,
  idempotent: true,
  input: takes(
    {
      session_id: SESSION_ID,
      error: text(
        'What went wrong, for the requester. Any length: the first 10,000 characters are kept.',
      ),
      retryable: flag('Whether another attempt may succeed.'),
    },
    ['session_id', 'error'],
  ),
  output: SESSION,
  prepare: toReport,
  async run(mesh, args) {
    const body = { status: 'failed', ...given(args, 'error', 'retryable') };
    const answer = await mesh.call('update_session', { id: textOf(args.session_id), body });
    return toSession(answer.body, () => 'The attempt has failed.');
  },
};

const REPORT_MEMBERS = ['session_id', 'error', 'retryable', 'idempotency_key'];

/** A failure is never refused for its size or characters, so it is made storable before it is checked and sent. */
function toReport({ error: told, ...args }: Members): Members {
  const notStored = Object.keys(args).filter((name) => !REPORT_MEMBERS.includes(name));
  const error = failureText(told === '' ? 'No reason given' : told, notStored);
  return { ...given(args, ...REPORT_MEMBERS), ...(error !== undefined && { error }) };
}

const releaseTask: Tool = {
  name: 'release_task',
  title: 'Release a task',
  description:
    'Gives a claimed task back unharmed; it uses up no attempt. Without a time another agent of the role can claim it at once: use it when you cannot go on but another agent could. With until_approval the task is parked until that approval is settled: use it instead of a long lease while a person decides; then claim_task gives it again. With not_before it is due at that time. A task can be released 100 times; after that use fail_task with retryable true.',
  kind: 'write',
  idempotent: true,
  input: takes(
    {
      session_id: SESSION_ID,
      reason: text('Why you release it.', { maxLength: 1_000 }),
      not_before: text(
        'Not to be claimed before this: 2036-01-31T12:00:00Z. Not together with until_approval.',
      ),
      until_approval: id(
        'The approval_id of a pending approval of this task, such as request_approval answered.',
      ),
    },
    ['session_id'],
  ),
  output: SESSION,
  async run(mesh, args) {
    const { body } = await mesh.call('release_session', {
      id: textOf(args.session_id),
      body: given(args, 'reason', 'not_before', 'until_approval'),
    });
    return toSession(body, () => releasedText(args));
  },
};

function releasedText({ not_before, until_approval }: Members): string {
  const approval = textOf(until_approval);
  if (approval) return `The task is parked. It falls due when ${approval} is settled.`;
  const time = textOf(not_before);
  return time ? `The task is due at ${time}.` : 'The task is due for your role again.';
}

/** Tools of those who have a task in hand. */
export const WORKING_TOOLS: readonly Tool[] = [heartbeat, completeTask, failTask, releaseTask];
