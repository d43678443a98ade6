import { MAX_QUORUM } from '../approvals/approval-limits.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { canonicalDigest } from '../http/canonical-json.js';
import { invalidArguments } from './argument-problems.js';
import { answers, id, object, takes, text, whole } from './schemas.js';
import { given, type Members, pick, prefixed, recordOf, textOf, type Tool } from './tool.js';

const APPROVAL_ID = id('The approval: approval-<uuid> or the bare uuid.');
export const APPROVAL_STATUS = text('pending, approved, rejected, withdrawn or expired.');
export const OF_TASK = text('The task that it is about.');

export function toAck({ id: approval, task_id, status }: Members): Members {
  return {
    approval_id: prefixed('approval', approval),
    status,
    task_id: prefixed('task', task_id),
  };
}

const decideApproval: Tool = {
  name: 'decide_approval',
  title: 'Approve or reject',
  description:
    'Decides an approval that your role was asked for. An approval of yours can be changed to a rejection while it is pending; nothing else can be taken back. Use it only after reading the task and the payload, and only as your role’s rules allow; you cannot decide what you asked for or routed yourself. It stays pending while others of your role have to approve as well.',
  kind: 'write',
  destructive: true,
  input: takes(
    {
      approval_id: APPROVAL_ID,
      decision: text('Yes or no.', { enum: ['approved', 'rejected'] }),
      comments: text('Why; needed for a rejection.', { maxLength: 10_000 }),
    },
    ['approval_id', 'decision'],
  ),
  output: answers({
    approval_id: text('The approval.'),
    status: APPROVAL_STATUS,
    task_id: OF_TASK,
    votes: whole('How many subjects have approved.', 0, MAX_QUORUM),
    quorum: whole('How many have to.', 1, MAX_QUORUM),
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('decide_approval', {
      id: textOf(args.approval_id),
      body: given(args, 'decision', 'comments'),
    });
    const { status, votes, quorum } = body;
    const waits =
      status === 'pending' ? `: ${textOf(votes)} of ${textOf(quorum)} have approved` : '';
    return {
      text: `The approval is ${textOf(status)}${waits}.`,
      content: { ...toAck(body), votes, quorum },
    };
  },
};

const consumeApproval: Tool = {
  name: 'consume_approval',
  title: 'Use what was approved',
  description:
    'Uses an approval up, right before the act that it allows: give the payload of what you are about to do. Act only if it succeeds. It works once, only for exactly what was approved, only within 24 hours of the decision, and only for the agent that holds the task (while nobody does, for the role that asked). If you cannot know whether it succeeded, call again with the same idempotency_key.',
  kind: 'write',
  destructive: true,
  input: takes(
    {
      approval_id: APPROVAL_ID,
      payload: object(
        'What you are about to do, as it was to be approved; order of members does not matter.',
      ),
      digest: text('In place of payload, its SHA-256 over RFC 8785 as hex, if you computed it.', {
        pattern: '^[0-9a-f]{64}$',
      }),
    },
    ['approval_id'],
  ),
  output: answers({
    approval_id: text('The approval.'),
    status: APPROVAL_STATUS,
    task_id: OF_TASK,
    consumed_at: text('When it was used.'),
    consumed_by: text('The subject that used it: you.'),
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('consume_approval', {
      id: textOf(args.approval_id),
      body: { digest: digestOf(args) },
    });
    return {
      text: 'The approval is used up: do now what it allows, once.',
      content: { ...toAck(body), ...pick(body, 'consumed_at', 'consumed_by') },
    };
  },
};

function digestOf({ payload, digest }: Members): string {
  if ((payload === undefined) === (digest === undefined)) {
    throw invalidArguments('arguments must have either payload or digest');
  }
  if (payload === undefined) return textOf(digest);
  try {
    return canonicalDigest(recordOf(payload)).toString('hex');
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    throw invalidArguments(
      'arguments/payload holds a number or a text that JSON cannot carry safely',
    );
  }
}

/** Tools of those who decide, and of those who act on a decision. */
export const DECISION_TOOLS: readonly Tool[] = [decideApproval, consumeApproval];
