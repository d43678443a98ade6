import type { Client } from './client.js';

/** Requests an approval of a task; returns its bare id. */
export async function requestApproval(
  worker: Client,
  taskId: string,
  role: string,
): Promise<string> {
  const { body, text } = await worker.post<{ approval_id: string }>('/approvals', {
    task_id: taskId,
    approver_role: role,
    payload: { amount: 5 },
    decision: 'pending',
  });
  if (typeof body.approval_id !== 'string') throw new Error(`not requested: ${text}`);
  return body.approval_id.replace('approval-', '');
}
