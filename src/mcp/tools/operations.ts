import type { ApprovalAckDto } from '../../approvals/dto/approval-ack.dto.js';
import type { ApprovalWatchQuery } from '../../approvals/dto/approval-watch.query.js';
import type { ApprovalDto, ApprovalPageDto } from '../../approvals/dto/approval.dto.js';
import type { ConsumeApprovalDto } from '../../approvals/dto/consume-approval.dto.js';
import type { CreateApprovalDto } from '../../approvals/dto/create-approval.dto.js';
import type { DecideApprovalDto } from '../../approvals/dto/decide-approval.dto.js';
import type { ListApprovalsQuery } from '../../approvals/dto/list-approvals.query.js';
import type { CallerDto } from '../../auth/caller.dto.js';
import type { EventPageDto } from '../../events/dto/cloud-event.dto.js';
import type { EventsQuery } from '../../events/dto/events.query.js';
import type { ReceiptDto } from '../../receipts/dto/receipt.dto.js';
import type { ReceiptQuery } from '../../receipts/dto/receipt.query.js';
import type { HeartbeatDto, LeaseDto, ReleaseDto } from '../../sessions/dto/lease.dto.js';
import type { WatchQuery } from '../../sessions/dto/watch.query.js';
import type { SessionDto } from '../../sessions/dto/session.dto.js';
import type { UpdateSessionDto } from '../../sessions/dto/update-session.dto.js';
import type { ClaimDto, ClaimedTaskDto } from '../../tasks/dto/claim.dto.js';
import type { ListTasksQuery } from '../../tasks/dto/list-tasks.query.js';
import type { RouteTaskDto } from '../../tasks/dto/route-task.dto.js';
import type { RoutedTaskDto } from '../../tasks/dto/routed-task.dto.js';
import type { CancelDto } from '../../tasks/dto/task-control.dto.js';
import type { TaskWatchQuery } from '../../tasks/dto/task-watch.query.js';
import type { TimelineDto } from '../../tasks/dto/task-history.dto.js';
import type { CancelledTaskDto, TaskDetailDto } from '../../tasks/dto/task.dto.js';
import type { TaskPageDto } from '../../tasks/dto/task-page.dto.js';
import type { DueTasksDto, WaitQuery } from '../../tasks/dto/wait.dto.js';

const METHODS = ['GET', 'POST', 'PUT'] as const;
type Method = (typeof METHODS)[number];
type Route = `${Method} /${string}`;

/** The operations that the tools use, with their routes. `{id}` is the id as the caller sent it. */
export const OPERATIONS = {
  who_am_i: 'GET /me',
  route_task: 'POST /tasks/route',
  list_tasks: 'GET /tasks',
  get_task: 'GET /tasks/{id}',
  read_timeline: 'GET /tasks/{id}/timeline',
  wait_for_task: 'GET /tasks/wait',
  claim_next_task: 'POST /tasks/claim',
  claim_task: 'POST /tasks/{id}/claim',
  cancel_task: 'POST /tasks/{id}/cancel',
  get_session: 'GET /sessions/{id}',
  update_session: 'PUT /sessions/{id}',
  extend_lease: 'POST /sessions/{id}/heartbeat',
  release_session: 'POST /sessions/{id}/release',
  ask_for_approval: 'POST /approvals',
  list_approvals: 'GET /approvals',
  get_approval: 'GET /approvals/{id}',
  decide_approval: 'POST /approvals/{id}/decision',
  consume_approval: 'POST /approvals/{id}/consume',
  get_receipt: 'GET /approvals/{id}/receipt',
  list_events: 'GET /events',
} as const satisfies Record<string, Route>;

export type OperationName = keyof typeof OPERATIONS;

/** A body or a query without members. */
interface None {
  none?: never;
}

/** The DTOs of an operation. */
interface Dtos<Response, Body = None, Query = None> {
  response: Response;
  body: Body;
  query: Query;
}

/** The DTOs of each operation: those of its route. The tools are checked against them at compile time. */
export interface OperationDtos extends Record<OperationName, Dtos<object, object, object>> {
  who_am_i: Dtos<CallerDto>;
  route_task: Dtos<RoutedTaskDto, RouteTaskDto>;
  list_tasks: Dtos<TaskPageDto, None, ListTasksQuery>;
  get_task: Dtos<TaskDetailDto, None, TaskWatchQuery>;
  read_timeline: Dtos<TimelineDto>;
  wait_for_task: Dtos<DueTasksDto, None, WaitQuery>;
  claim_next_task: Dtos<ClaimedTaskDto, ClaimDto>;
  claim_task: Dtos<ClaimedTaskDto, LeaseDto>;
  cancel_task: Dtos<CancelledTaskDto, CancelDto>;
  get_session: Dtos<SessionDto, None, WatchQuery>;
  update_session: Dtos<SessionDto, UpdateSessionDto>;
  extend_lease: Dtos<SessionDto, HeartbeatDto>;
  release_session: Dtos<SessionDto, ReleaseDto>;
  ask_for_approval: Dtos<ApprovalAckDto, CreateApprovalDto>;
  list_approvals: Dtos<ApprovalPageDto, None, ListApprovalsQuery>;
  get_approval: Dtos<ApprovalDto, None, ApprovalWatchQuery>;
  decide_approval: Dtos<ApprovalDto, DecideApprovalDto>;
  consume_approval: Dtos<ApprovalDto, ConsumeApprovalDto>;
  get_receipt: Dtos<ReceiptDto, None, ReceiptQuery>;
  list_events: Dtos<EventPageDto, None, EventsQuery>;
}

/** Returns the method and the path of an operation, with the id inserted. */
export function requestLineOf(operation: OperationName, id = ''): { method: Method; path: string } {
  const route: Route = OPERATIONS[operation];
  const method = METHODS.find((one) => route.startsWith(`${one} `)) ?? 'GET';
  const path = route.slice(method.length + 1);
  return { method, path: path.replace('{id}', encodeURIComponent(id)) };
}
