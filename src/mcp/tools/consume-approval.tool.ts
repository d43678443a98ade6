import { InvalidInputError } from '../../errors/domain-error.js';
import { canonicalDigest } from '../../http/canonical-json.js';
import { outputSchema, inputSchema, text, object } from './schemas.js';
import { type Members, type Tool, memberText } from './tool.js';
import { recordOf, pick } from './json-of.js';
import { invalidArguments } from './argument-problems.js';
import { APPROVAL_ID, APPROVAL_STATUS, OF_TASK, toAck } from './approval-result.js';

export const consumeApproval: Tool = {
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
