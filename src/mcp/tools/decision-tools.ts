import { MAX_QUORUM } from '../../approvals/approval-limits.js';
import { InvalidInputError } from '../../errors/domain-error.js';
import { canonicalDigest } from '../../http/canonical-json.js';
import { invalidArguments } from './argument-problems.js';
import { outputSchema, id, object, inputSchema, text, integer } from './schemas.js';
import {
  pickGiven,
  type Members,
  pick,
  prefixedOrNull,
  recordOf,
  memberText,
  type Tool,
} from './tool.js';

const APPROVAL_ID = id('The approval: approval-<uuid> or the bare UUID.');
export const APPROVAL_STATUS = text('pending, approved, rejected, withdrawn or expired.');
export const OF_TASK = text('The task of the approval.');

export function toAck({ id: approval, task_id, status }: Members): Members {
  return {
    approval_id: prefixedOrNull('approval', approval),
    status,
    task_id: prefixedOrNull('task', task_id),
  };
}

const decideApproval: Tool = {
  name: 'decide_approval',
  title: 'Approve or reject an approval',
  description:
    'Approves or rejects a pending approval of your role. Read the task and the payload first, and decide only as the rules of your role allow. You cannot decide an approval that you requested, or one of a task that you sent. With a quorum the approval stays pending until enough subjects have approved; while it is pending you can change your approval to a rejection. A rejection, and an approval that reaches the quorum, are final.',
  kind: 'write',
  destructive: true,
  input: inputSchema(
    {
      approval_id: APPROVAL_ID,
      decision: text('The decision.', { enum: ['approved', 'rejected'] }),
      comments: text('The reason, returned as notes by list_approvals. Required for a rejection.', {
        maxLength: 10_000,
      }),
    },
    ['approval_id', 'decision'],
  ),
  output: outputSchema({
    approval_id: text('The approval.'),
    status: APPROVAL_STATUS,
    task_id: OF_TASK,
    votes: integer('Number of subjects that have approved.', 0, MAX_QUORUM),
    quorum: integer('Number of subjects that must approve.', 1, MAX_QUORUM),
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('decide_approval', {
      id: memberText(args.approval_id),
      body: pickGiven(args, 'decision', 'comments'),
    });
    const { status, votes, quorum } = body;
    const waits =
      status === 'pending' ? `: ${memberText(votes)} of ${memberText(quorum)} have approved` : '';
    return {
      text: `The approval is ${memberText(status)}${waits}.`,
      content: { ...toAck(body), votes, quorum },
    };
  },
};

const consumeApproval: Tool = {
  name: 'consume_approval',
  title: 'Consume an approval before you act',
  description:
    'Consumes an approval. Call it immediately before the approved action, with the payload of that action (or its digest; exactly one is required), and act only if the call succeeds. It succeeds once, only for the exact payload that was approved, within 24 hours of the decision, and only for the agent that has claimed the task (if none has, for the role that requested the approval). If you do not receive a response, call again with the same idempotency_key.',
  kind: 'write',
  destructive: true,
  input: inputSchema(
    {
      approval_id: APPROVAL_ID,
      payload: object(
        'The payload of the action, equal to the approved one. The order of members does not matter. Exactly one of payload and digest is required.',
      ),
      digest: text(
        'The SHA-256 of the canonical JSON (RFC 8785) of the payload, in lower-case hexadecimal. Exactly one of payload and digest is required.',
        {
          pattern: '^[0-9a-f]{64}$',
        },
      ),
    },
    ['approval_id'],
  ),
  output: outputSchema({
    approval_id: text('The approval.'),
    status: APPROVAL_STATUS,
    task_id: OF_TASK,
    consumed_at: text('The time of consumption.'),
    consumed_by: text('The subject that consumed it: you.'),
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('consume_approval', {
      id: memberText(args.approval_id),
      body: { digest: payloadDigestOf(args) },
    });
    return {
      text: 'The approval is consumed. Perform the approved action now, once.',
      content: { ...toAck(body), ...pick(body, 'consumed_at', 'consumed_by') },
    };
  },
};

function payloadDigestOf({ payload, digest }: Members): string {
  if ((payload === undefined) === (digest === undefined)) {
    throw invalidArguments('arguments must contain either payload or digest, and not both');
  }
  if (payload === undefined) return memberText(digest);
  try {
    return canonicalDigest(recordOf(payload)).toString('hex');
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    throw invalidArguments(
      'arguments/payload contains a number or a string that canonical JSON (RFC 8785) cannot represent',
    );
  }
}

/** Tools that decide and consume approvals. */
export const DECISION_TOOLS: readonly Tool[] = [decideApproval, consumeApproval];
