import type { ApprovalDto } from '../../approvals/dto/approval.dto.js';
import type { ListApprovalsQuery } from '../../approvals/dto/list-approvals.query.js';
import {
  outputSchema,
  inputSchema,
  text,
  object,
  list,
  TASK_ID,
  PAGE_SIZE,
  CURSOR,
  NEXT_CURSOR,
} from './schemas.js';
import { type Members, type Tool, memberText, countOf } from './tool.js';
import { recordsOf, asQuery, type JsonOf, type NameOf, pick, pickGiven } from './json-of.js';
import { CUT, fitListToLimit } from './excerpt.js';
import { toAck } from './approval-result.js';

/** The members of an approval that can be large. */
const DETAIL: NameOf<ApprovalDto>[] = ['reason', 'payload', 'notes'];

export const listApprovals: Tool = {
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
    const { body } = await mesh.call('list_approvals', {
      query: asQuery<ListApprovalsQuery>({
        ...pickGiven<ListApprovalsQuery>(args, 'waiting_for', 'asked_by', 'status'),
        ...pickGiven<ListApprovalsQuery>(args, 'approver_role', 'task_id', 'page_size', 'cursor'),
      }),
    });
    const approvals = fitListToLimit(
      recordsOf<ApprovalDto>(body.approvals).map(toApproval),
      DETAIL,
    );
    return {
      text: [`Approvals: ${countOf(approvals, body)}.`, ...approvals.map(line)],
      content: { approvals, ...pick(body, 'next_cursor') },
    };
  },
};

function toApproval(approval: JsonOf<ApprovalDto>): Members {
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
