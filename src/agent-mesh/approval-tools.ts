import {
  answers,
  CURSOR,
  id,
  list,
  NEXT_CURSOR,
  object,
  PAGE_SIZE,
  takes,
  TASK_ID,
  text,
} from './schemas.js';
import {
  asQuery,
  given,
  type Members,
  pick,
  prefixed,
  recordsOf,
  textOf,
  type Tool,
} from './tool.js';

const APPROVAL_ID = id('The approval: approval-<uuid> or the bare uuid.');

const ACK = answers({
  approval_id: text('Give it to decide_approval.'),
  status: text('pending, approved, rejected, withdrawn or expired.'),
  task_id: text('The task that it is about.'),
});

function toAck({ id: approval, task_id, status }: Members): Members {
  return {
    approval_id: prefixed('approval', approval),
    status,
    task_id: prefixed('task', task_id),
  };
}

const requestApproval: Tool = {
  name: 'request_approval',
  title: 'Ask a role to approve a task',
  description:
    'Asks a role for a yes or no about a task that exists. Use it before an act that another role has to allow. It answers at once with pending; look at fetch_status or list_approvals for the decision, and do not ask again meanwhile. For new work use send_task.',
  kind: 'write',
  input: takes(
    {
      task_id: TASK_ID,
      approver_role: text('The role that is to decide, such as manager.'),
      reason: text('Why it is asked for, for the one who decides.', { maxLength: 10_000 }),
    },
    ['task_id', 'approver_role'],
  ),
  output: ACK,
  async run(mesh, args) {
    const { body } = await mesh.call('ask_for_approval', {
      body: { ...given(args, 'task_id', 'approver_role', 'reason'), decision: 'pending' },
    });
    return {
      text: `${textOf(body.approval_id)} waits for ${textOf(args.approver_role)}.`,
      content: pick(body, 'approval_id', 'status', 'task_id'),
    };
  },
};

const decideApproval: Tool = {
  name: 'decide_approval',
  title: 'Approve or reject',
  description:
    'Decides an approval that your role was asked for. It cannot be taken back. Use it only after reading the task, and only as your role’s rules allow; you cannot decide what you asked for or routed yourself.',
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
  output: ACK,
  async run(mesh, args) {
    const { body } = await mesh.call('decide_approval', {
      id: textOf(args.approval_id),
      body: given(args, 'decision', 'comments'),
    });
    return { text: `The approval is ${textOf(body.status)}.`, content: toAck(body) };
  },
};

const listApprovals: Tool = {
  name: 'list_approvals',
  title: 'See approvals',
  description:
    'Lists the approvals that you may see, the newest first. Use it to find what waits for your decision (status pending, approver_role yours), and what became of what you asked for (task_id).',
  kind: 'read',
  input: takes({
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
      'approval_id, task_id, status, approver_role, reason, notes, requested_by, requested_role, decided_by, decision_at, created_at.',
      object('An approval.'),
    ),
    next_cursor: NEXT_CURSOR,
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('list_approvals', { query: asQuery(args) });
    const approvals = recordsOf(body.approvals).map((approval) => ({
      ...pick(approval, 'approver_role', 'reason', 'notes', 'requested_by', 'requested_role'),
      ...pick(approval, 'decided_by', 'decision_at', 'created_at'),
      ...toAck(approval),
    }));
    const lines = approvals.map(
      ({ approval_id, status, ...more }: Members) =>
        `- ${textOf(approval_id)} ${textOf(status)}: ${textOf(more.approver_role)} about ${textOf(more.task_id)}`,
    );
    return {
      text: [`${approvals.length} approvals.`, ...lines].join('\n'),
      content: { approvals, ...pick(body, 'next_cursor') },
    };
  },
};

/** Tools around decisions. */
export const APPROVAL_TOOLS: readonly Tool[] = [requestApproval, decideApproval, listApprovals];
