import type { ApprovalDto } from '../../approvals/dto/approval.dto.js';
import { text, id } from './schemas.js';
import { type Members, prefixedOrNull } from './tool.js';
import { type JsonOf } from './json-of.js';

export const APPROVAL_ID = id('The approval: approval-<uuid> or the bare UUID.');
export const APPROVAL_STATUS = text('pending, approved, rejected, withdrawn or expired.');
export const OF_TASK = text('The task of the approval.');

/** Returns the members that identify an approval in a tool result. */
export function toAck({ id: approval, task_id, status }: JsonOf<ApprovalDto>): Members {
  return {
    approval_id: prefixedOrNull('approval', approval),
    status,
    task_id: prefixedOrNull('task', task_id),
  };
}
