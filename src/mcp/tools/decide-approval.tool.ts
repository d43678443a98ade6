import { MAX_QUORUM } from '../../approvals/approval-limits.js';
import type { DecideApprovalDto } from '../../approvals/dto/decide-approval.dto.js';
import { outputSchema, inputSchema, text, integer } from './schemas.js';
import { type Tool, memberText } from './tool.js';
import { pickGiven } from './json-of.js';
import { APPROVAL_ID, APPROVAL_STATUS, OF_TASK, toAck } from './approval-result.js';

export const decideApproval: Tool = {
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
      body: pickGiven<DecideApprovalDto>(args, 'decision', 'comments'),
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
