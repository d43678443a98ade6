import { expect } from '@jest/globals';
import { newSubject, type TestApp } from './app.js';
import type { EventRow } from './sessions.js';

export interface ApprovalAck {
  approval_id: string;
  status: string;
  task_id: string;
}

export interface ApprovalPage {
  approvals: { id: string; status: string }[];
  page_size: number;
  next_cursor: string | null;
}

/** A task between two roles that no other test uses. */
export interface RoutedFlow {
  from: string;
  to: string;
  /** The subject that routed the task. */
  router: string;
  task: string;
}

export async function routeFlow(mesh: TestApp): Promise<RoutedFlow> {
  const [from, to, router] = [newSubject('from'), newSubject('to'), newSubject('router')];
  const routed = await mesh.agent(from, router).post<ApprovalAck>('/tasks/route', {
    target: to,
    task: { task_type: 'approval' },
  });
  expect(routed.status).toBe(202);
  return { from, to, router, task: routed.body.task_id };
}

/** Requests an approval of the task from a role; returns its id. */
export async function requestApproval(
  mesh: TestApp,
  { from, task }: RoutedFlow,
  approver_role: string,
  sub?: string,
): Promise<string> {
  const requested = await mesh.agent(from, sub).post<ApprovalAck>('/approvals', {
    task_id: task,
    approver_role,
    reason: 'Over the limit',
  });
  expect(requested.status).toBe(202);
  return requested.body.approval_id;
}

/** The audit events of an approval, in order. */
export function approvalEvents(mesh: TestApp, approvalId: string): Promise<EventRow[]> {
  return mesh.query<EventRow>(
    `SELECT event_type, role, actor, metadata FROM audit_events
      WHERE approval_id = $1 ORDER BY timestamp, id`,
    [approvalId.slice('approval-'.length)],
  );
}
