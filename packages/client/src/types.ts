import type * as api from './generated/types.gen.js';

export type WhoAmI = api.WhoAmIDto;
export type NewTask = api.RouteTaskDto;
export type RoutedTask = api.RoutedTaskDto;
export type Task = api.TaskDto;
export type TaskDetail = api.TaskDetailDto;
export type TaskNode = api.TaskNodeDto;
export type Timeline = api.TimelineDto;
export type Claim = api.ClaimDto;
export type ClaimedTask = api.ClaimedTaskDto;
export type CancelOptions = api.CancelDto;
export type CancelledTask = api.CancelledTaskDto;
export type CancelTasks = api.CancelTasksDto;
export type RetryTasks = api.RetryTasksDto;
export type BulkResult = api.BulkResultDto;
export type Session = api.SessionDto;
export type SessionUpdate = api.UpdateSessionDto;
export type Release = api.ReleaseDto;
export type Approval = api.ApprovalDto;
export type ApprovalAck = api.ApprovalAckDto;
export type ApprovalRequest = api.CreateApprovalDto;
export type ApprovalDecision = api.DecideApprovalDto;
export type AuditEvent = api.AuditEventDto;
export type IngestEvent = api.IngestEventDto;
export type CloudEvent = api.CloudEventDto;
export type EventPage = api.EventPageDto;
export type Role = api.RoleDto;
export type RolePause = api.PauseRoleDto;
export type KeyedRequest = api.KeyedRequestDto;
export type Webhook = api.WebhookDto;
export type WebhookWithSecret = api.WebhookWithSecretDto;
export type NewWebhook = api.CreateWebhookDto;
export type WebhookUpdate = api.UpdateWebhookDto;
export type Delivery = api.DeliveryDto;
export type WebhookReplay = api.ReplayDto;

/** The documents that list operations return. */
export type TaskPage = api.TaskPageDto;
export type SessionPage = api.SessionPageDto;
export type ApprovalPage = api.ApprovalPageDto;
export type AuditPage = api.AuditPageDto;
export type DeliveryPage = api.DeliveryPageDto;

type Query<T extends { query?: unknown }> = Omit<NonNullable<T['query']>, 'cursor'>;

export type TaskFilter = Query<api.TasksListData>;
export type SessionFilter = Query<api.SessionsListData>;
export type ApprovalFilter = Query<api.ApprovalsListData>;
export type AuditFilter = Query<api.AuditEventsData>;
export type DeliveryFilter = Query<api.WebhookDeliveriesListData>;
