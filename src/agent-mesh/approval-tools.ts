import { MAX_STAGES } from '../approvals/approval-limits.js';
import { APPROVAL_STATUS, OF_TASK, toAck } from './decision-tools.js';
import { CUT, fittedList } from './excerpt.js';
import {
  answers,
  APPROVER_KIND,
  CURSOR,
  EXPIRES_IN_SECONDS,
  flag,
  list,
  NEXT_CURSOR,
  object,
  PAGE_SIZE,
  QUORUM,
  ROLE,
  takes,
  TASK_ID,
  text,
} from './schemas.js';
import { asQuery, countOf, type Members, pick, recordsOf, textOf, type Tool } from './tool.js';

/** The members of an approval that may be large. */
const DETAIL = ['reason', 'payload', 'notes'];

const requestApproval: Tool = {
  name: 'request_approval',
  title: 'Ask a role to approve a task',
  description:
    'Asks a role for a yes or no about a task that exists. Use it before an act that another role has to allow; say in payload what exactly you are going to do. It answers at once with pending; look at fetch_status or list_approvals for the decision, and do not ask again meanwhile. For new work use send_task.',
  kind: 'write',
  input: takes(
    {
      task_id: TASK_ID,
      approver_role: text('The role that is to decide, such as manager.'),
      stages: {
        type: 'array',
        description:
          'In place of approver_role: the roles that are to decide one after the other, such as ["manager", "legal"].',
        items: { type: 'string' },
        minItems: 1,
        maxItems: MAX_STAGES,
      },
      quorum: QUORUM,
      expires_in_seconds: EXPIRES_IN_SECONDS,
      reason: text('Why it is asked for, for the one who decides.', { maxLength: 10_000 }),
      payload: object(
        'What exactly is to be approved, such as {"amount": 50000}; nothing else can be done with the approval. Default: task_type, description, data and context of the task.',
      ),
      approver_kind: APPROVER_KIND,
      repeat: flag(
        'Whether the act may happen again although an approval of the same payload was consumed; reason must say why.',
      ),
      from_role: ROLE,
    },
    ['task_id'],
  ),
  output: answers({
    approval_id: text('Give it to consume_approval once it is approved.'),
    status: APPROVAL_STATUS,
    task_id: OF_TASK,
  }),
  unlisted: {
    decision: text('pending asks; approved and rejected decide what the role was asked.', {
      enum: ['pending', 'approved', 'rejected'],
    }),
    comments: text('With a decision: why.', { maxLength: 10_000 }),
  },
  async run(mesh, args) {
    const { body } = await mesh.call('ask_for_approval', {
      body: { decision: 'pending', ...args },
    });
    if (args.decision === 'approved' || args.decision === 'rejected') {
      return {
        text: `The approval is ${textOf(body.status)}.`,
        content: pick(body, 'approval_id', 'status', 'task_id'),
      };
    }
    const asked = Array.isArray(args.stages)
      ? args.stages.map(textOf)
      : [textOf(args.approver_role)];
    return {
      text: `${textOf(body.approval_id)} waits for ${asked.join(', then ')}.`,
      content: pick(body, 'approval_id', 'status', 'task_id'),
    };
  },
};

const listApprovals: Tool = {
  name: 'list_approvals',
  title: 'See approvals',
  description:
    'Lists the approvals that you may see, the newest first. Use it to find what you can decide now (waiting_for me), and what became of what you asked for (asked_by me, or task_id).',
  kind: 'read',
  input: takes({
    waiting_for: text('me: only what you can decide now.', { enum: ['me'] }),
    asked_by: text('me: only what you asked for yourself.', { enum: ['me'] }),
    status: text('Only those that stand so.', {
      enum: ['pending', 'approved', 'rejected', 'withdrawn', 'expired'],
    }),
    approver_role: text('Only those that this role is to decide.'),
    task_id: TASK_ID,
    page_size: PAGE_SIZE,
    cursor: CURSOR,
  }),
  output: answers({
    approvals: list(
      'approval_id, task_id, status, approver_role, reason, payload (what exactly is approved), digest, quorum, votes, stage, stages, expires_at (the last moment to decide), consume_until (the last moment to use it), consumed_at, consumed_by, notes (of the decider), requested_by, requested_role, decided_by, decided_by_kind, decision_at, created_at, approver_kind (human: only a person decides), repeat (the act happens again; reason says why), earlier (decisions about the same payload, with consumption), task (task_type, description, status). ' +
        CUT,
      object('An approval.'),
    ),
    next_cursor: NEXT_CURSOR,
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('list_approvals', { query: asQuery(args) });
    const approvals = fittedList(recordsOf(body.approvals).map(toApproval), DETAIL);
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
  return `- ${textOf(approval_id)} ${textOf(status)}: ${textOf(approver_role)} about ${textOf(task_id)}`;
}

/** Tools of those who ask for decisions. */
export const APPROVAL_TOOLS: readonly Tool[] = [requestApproval, listApprovals];
