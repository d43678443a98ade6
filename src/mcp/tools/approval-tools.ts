import { MAX_STAGES } from '../../approvals/approval-limits.js';
import { APPROVAL_STATUS, OF_TASK, toAck } from './decision-tools.js';
import { CUT, fitListToLimit } from './excerpt.js';
import {
  outputSchema,
  APPROVER_KIND,
  CURSOR,
  EXPIRES_IN_SECONDS,
  boolean,
  list,
  NEXT_CURSOR,
  object,
  PAGE_SIZE,
  QUORUM,
  ROLE,
  inputSchema,
  TASK_ID,
  text,
} from './schemas.js';
import { asQuery, countOf, type Members, pick, recordsOf, memberText, type Tool } from './tool.js';

/** The members of an approval that can be large. */
const DETAIL = ['reason', 'payload', 'notes'];

const requestApproval: Tool = {
  name: 'request_approval',
  title: 'Request an approval for a task',
  description:
    'Requests a yes or no from a role about an existing task. Use it before an action that another role must allow, and describe the exact action in payload. It returns pending at once; read the decision with fetch_status or list_approvals, and do not request it again meanwhile. For new work use send_task.',
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
      body: { decision: 'pending', ...args },
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

const listApprovals: Tool = {
  name: 'list_approvals',
  title: 'List approvals',
  description:
    'Lists the approvals that you can read, newest first. Use waiting_for me to find approvals that you can decide now, and asked_by me or task_id to read the decisions on approvals that you requested.',
  kind: 'read',
  input: inputSchema({
    waiting_for: text('me: only approvals that you can decide now.', { enum: ['me'] }),
    asked_by: text('me: only approvals that you requested.', { enum: ['me'] }),
    status: text('Only approvals with this status.', {
      enum: ['pending', 'approved', 'rejected', 'withdrawn', 'expired'],
    }),
    approver_role: text('Only approvals that this role decides.'),
    task_id: TASK_ID,
    page_size: PAGE_SIZE,
    cursor: CURSOR,
  }),
  output: outputSchema({
    approvals: list(
      'approval_id, task_id, status, approver_role, reason, payload (the exact action), digest, quorum, votes, stage, stages, expires_at (end of the time to decide), consume_until (end of the time to consume), consumed_at, consumed_by, notes (of the approver), requested_by, requested_role, decided_by, decided_by_kind, decision_at, created_at, approver_kind (human: only a person decides), repeat (an approval of the same payload was consumed before; see reason), earlier (decisions on the same payload, and their consumption), task (task_type, description, status). ' +
        CUT,
      object('An approval.'),
    ),
    next_cursor: NEXT_CURSOR,
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('list_approvals', { query: asQuery(args) });
    const approvals = fitListToLimit(recordsOf(body.approvals).map(toApproval), DETAIL);
    return {
      text: [`Approvals: ${countOf(approvals, body)}.`, ...approvals.map(line)],
      content: { approvals, ...pick(body, 'next_cursor') },
    };
  },
};

function toApproval(approval: Members): Members {
  return {
    ...pick(approval, 'approver_role', 'reason', 'payload', 'digest', 'quorum', 'votes'),
    ...pick(approval, 'stage', 'stages', 'expires_at', 'consume_until', 'consumed_at'),
    ...pick(approval, 'consumed_by', 'notes', 'requested_by', 'requested_role', 'decided_by'),
    ...pick(approval, 'decision_at', 'created_at', 'approver_kind', 'decided_by_kind', 'repeat'),
    ...pick(approval, 'consumed_attempt', 'earlier', 'task'),
    ...toAck(approval),
  };
}

function line({ approval_id, status, approver_role, task_id }: Members): string {
  return `- ${memberText(approval_id)} ${memberText(status)}: ${memberText(approver_role)} decides about ${memberText(task_id)}`;
}

/** Tools that request and list approvals. */
export const APPROVAL_TOOLS: readonly Tool[] = [requestApproval, listApprovals];
