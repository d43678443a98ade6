import { WaitSeconds } from '../../http/wait-seconds.js';

/** Query of `GET /approvals/{id}`: how long to wait for a change. */
export class ApprovalWatchQuery {
  @WaitSeconds(
    'Seconds to wait for a change. The response is sent as soon as the approval or the status of its task differs from `If-None-Match`; without `If-None-Match`, at the next change, or at once if the approval is not pending.',
  )
  wait_seconds?: number;
}
