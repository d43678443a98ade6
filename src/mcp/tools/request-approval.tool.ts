import { MAX_STAGES } from '../../approvals/approval-limits.js';
import type { CreateApprovalDto } from '../../approvals/dto/create-approval.dto.js';
import {
  outputSchema,
  inputSchema,
  text,
  object,
  boolean,
  TASK_ID,
  ROLE,
  QUORUM,
  EXPIRES_IN_SECONDS,
  APPROVER_KIND,
} from './schemas.js';
import { type Tool, memberText } from './tool.js';
import { pick, pickGiven } from './json-of.js';
import { APPROVAL_STATUS, OF_TASK } from './approval-result.js';

export const requestApproval: Tool = {
  name: 'request_approval',
  title: 'Request an approval for a task',
  description:
    'Requests a yes or no from a role about an existing task. Use it before an action that another role must allow, and describe the exact action in payload. It returns pending at once; wait for the decision with fetch_status, the approval_id and wait_seconds, and do not request it again meanwhile. For new work use send_task.',
  kind: 'write',
  input: inputSchema(
    {
      task_id: TASK_ID,
      approver_role: text(
        'The role that decides, such as manager. Exactly one of approver_role and stages is required.',
      ),
      stages: {
        type: 'array',
        description:
          'The roles that decide one after the other, such as ["manager", "legal"]. Exactly one of approver_role and stages is required.',
        items: { type: 'string' },
        minItems: 1,
        maxItems: MAX_STAGES,
      },
      quorum: QUORUM,
      expires_in_seconds: EXPIRES_IN_SECONDS,
      reason: text('The reason, for the approver.', { maxLength: 10_000 }),
      payload: object(
        'The exact action to approve, such as {"amount": 50000}. The approval is valid for this payload only. Default: task_type, description, data and context of the task.',
      ),
      approver_kind: APPROVER_KIND,
      repeat: boolean(
        'Set it to true to request an approval of a payload that an earlier approval was already consumed for. Requires reason.',
      ),
      from_role: ROLE,
    },
    ['task_id'],
  ),
  output: outputSchema({
    approval_id: text('The new approval. Pass it to consume_approval once it is approved.'),
    status: APPROVAL_STATUS,
    task_id: OF_TASK,
  }),
  unlisted: {
    decision: text(
      'Deprecated (v0.4): pending requests an approval; approved and rejected decide one.',
      {
        enum: ['pending', 'approved', 'rejected'],
      },
    ),
    comments: text('Deprecated (v0.4): the reason of a decision.', { maxLength: 10_000 }),
  },
  async run(mesh, args) {
    const { body } = await mesh.call('ask_for_approval', {
      body: {
        decision: 'pending',
        ...pickGiven<CreateApprovalDto>(args, 'task_id', 'approver_role', 'stages', 'quorum'),
        ...pickGiven<CreateApprovalDto>(args, 'expires_in_seconds', 'reason', 'payload'),
        ...pickGiven<CreateApprovalDto>(args, 'approver_kind', 'repeat', 'from_role'),
        ...pickGiven<CreateApprovalDto>(args, 'decision', 'comments'),
      },
    });
    if (args.decision === 'approved' || args.decision === 'rejected') {
      return {
        text: `The approval is ${memberText(body.status)}.`,
        content: pick(body, 'approval_id', 'status', 'task_id'),
      };
    }
    const asked = Array.isArray(args.stages)
      ? args.stages.map(memberText)
      : [memberText(args.approver_role)];
    return {
      text: `${memberText(body.approval_id)} waits for ${asked.join(', then ')}.`,
      content: pick(body, 'approval_id', 'status', 'task_id'),
    };
  },
};
