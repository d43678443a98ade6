import type { Approval, Task, TaskDetail, Timeline } from '@agent-mesh/client';
import { type Cell, cellText, fields, jsonText, timeText } from './output.js';

export const TASK_HEADER = [
  'TASK',
  'TYPE',
  'FROM',
  'TO',
  'STATUS',
  'PRIORITY',
  'CREATED',
  'DESCRIPTION',
];

export function taskRow(task: Task): Cell[] {
  const { id, task_type, from_role, to_role, status, priority, created_at, description } = task;
  return [
    `task-${id}`,
    task_type,
    from_role,
    to_role,
    status,
    priority,
    timeText(created_at),
    excerpt(description),
  ];
}

export function taskLines(task: TaskDetail): string[] {
  return [
    ...fields({
      task: `task-${task.id}`,
      type: task.task_type,
      status: task.status,
      from: `${task.from_role} (${task.created_by})`,
      to: task.to_role,
      'claimed by': task.claimed_by,
      priority: task.priority,
      created: timeText(task.created_at),
      deadline: task.deadline_at && timeText(task.deadline_at),
      parent: task.parent_task_id && `task-${task.parent_task_id}`,
      description: task.description,
      data: jsonText(task.data, 2_000),
      trace: task.trace_id,
    }),
    ...task.attempts.map(
      ({ attempt, id, status, claimed_by, ended_reason, result, error }) =>
        `attempt ${cellText(attempt)}  session-${id}  ${status}${ended_reason && ended_reason !== status ? ` (${ended_reason})` : ''}  ${cellText(claimed_by)}${tail(result ? jsonText(result, 2_000) : error)}`,
    ),
    ...task.approvals.map(
      ({ id, approver_role, status, decided_by, consumed_by }) =>
        `approval-${id}  ${cellText(approver_role)}  ${status}${tail(decided_by && `by ${decided_by}`)}${tail(consumed_by && `consumed by ${consumed_by}`)}`,
    ),
  ];
}

export const APPROVAL_HEADER = [
  'APPROVAL',
  'APPROVER',
  'STATUS',
  'REQUESTED BY',
  'EXPIRES',
  'TASK',
  'REASON',
];

export function approvalRow(approval: Approval): Cell[] {
  const { id, approver_role, status, requested_by, requested_role } = approval;
  return [
    `approval-${id}`,
    approver_role,
    status,
    requested_role ?? requested_by,
    timeText(approval.expires_at),
    `task-${approval.task_id}`,
    excerpt(approval.reason),
  ];
}

/** Everything that an approver has to know. The payload is shown whole. */
export function approvalLines(approval: Approval): string[] {
  return [
    ...fields({
      approval: `approval-${approval.id}`,
      status: approval.status,
      approver: approval.approver_role,
      stage: approval.stages.length > 1 ? `${approval.stage} of ${approval.stages.join(', ')}` : '',
      votes: `${approval.votes} of ${approval.quorum}`,
      'requested by': `${cellText(approval.requested_role)} (${cellText(approval.requested_by)})`,
      reason: approval.reason,
      expires: timeText(approval.expires_at),
      'decided by': approval.decided_by,
      comments: approval.notes,
      'consumed by': approval.consumed_by,
      task: `task-${approval.task_id}`,
      digest: approval.digest,
      repeat: approval.repeat ? 'an approval of this payload was consumed before' : '',
    }),
    'payload',
    ...JSON.stringify(approval.payload, null, 2)
      .split('\n')
      .map((line) => `  ${cellText(line)}`),
  ];
}

export function eventLine(event: Timeline['events'][number]): string {
  const { at, event: type, role, from, to, reason } = event;
  const change = from && to ? `: ${from} -> ${to}` : '';
  return `${timeText(at)}  ${cellText(type)} by ${cellText(role)}${change}${reason ? ` (${cellText(reason)})` : ''}`;
}

export function waitLine({ what, who, since }: Timeline['waits_for'][number]): string {
  return `waits for ${what}: ${cellText(who)}, since ${timeText(since)}`;
}

function excerpt(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function tail(text: string | null | undefined): string {
  return text ? `  ${cellText(text)}` : '';
}
