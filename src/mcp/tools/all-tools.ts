import { whoami } from './whoami.tool.js';
import { sendTask } from './send-task.tool.js';
import { notify } from './notify.tool.js';
import { cancelTask } from './cancel-task.tool.js';
import { fetchStatus } from './fetch-status.tool.js';
import { waitForEvent } from './wait-for-event.tool.js';
import { taskTimeline } from './task-timeline.tool.js';
import { readDetail } from './read-detail.tool.js';
import { listInbox } from './list-inbox.tool.js';
import { claimTask } from './claim-task.tool.js';
import { heartbeat } from './heartbeat.tool.js';
import { completeTask } from './complete-task.tool.js';
import { failTask } from './fail-task.tool.js';
import { releaseTask } from './release-task.tool.js';
import { requestApproval } from './request-approval.tool.js';
import { listApprovals } from './list-approvals.tool.js';
import { decideApproval } from './decide-approval.tool.js';
import { consumeApproval } from './consume-approval.tool.js';
import { getReceipt } from './get-receipt.tool.js';
import type { Tool } from './tool.js';

/** The tools, in the order of `tools/list`. Each is in the file of its name. */
export const TOOLS: readonly Tool[] = [
  whoami,
  sendTask,
  notify,
  cancelTask,
  fetchStatus,
  waitForEvent,
  taskTimeline,
  readDetail,
  listInbox,
  claimTask,
  heartbeat,
  completeTask,
  failTask,
  releaseTask,
  requestApproval,
  listApprovals,
  decideApproval,
  consumeApproval,
  getReceipt,
];
