import type * as api from './generated/types.gen.js';

export type WhoAmI = api.Caller;
export type NewTask = api.RouteTaskBody;
export type RoutedTask = api.RoutedTask;
export type Task = api.Task;
export type TaskDetail = api.TaskDetail;
export type TaskNode = api.TaskNode;
export type Timeline = api.Timeline;
export type Claim = api.ClaimNextTaskBody;
export type ClaimedTask = api.ClaimedTask;
export type CancelOptions = api.CancelTaskBody;
export type CancelledTask = api.CancelledTask;
export type CancelTasks = api.CancelTasksBody;
export type RetryTasks = api.RetryTasksBody;
export type BulkResult = api.BulkResult;
export type Session = api.Session;
export type SessionUpdate = api.UpdateSessionBody;
export type Release = api.ReleaseSessionBody;
export type Approval = api.Approval;
export type ApprovalAck = api.ApprovalAck;
export type ApprovalRequest = api.RequestApprovalBody;
export type ApprovalDecision = api.DecideApprovalBody;
export type AuditEvent = api.AuditEvent;
export type IngestEvent = api.ReportedEvent;
export type CloudEvent = api.CloudEvent;
export type EventPage = api.EventPage;
export type Role = api.Role;
export type RolePause = api.PauseRoleBody;
export type KeyedRequest = api.KeyedRequest;
export type Webhook = api.Webhook;
export type WebhookWithSecret = api.WebhookWithSecret;
export type NewWebhook = api.CreateWebhookBody;
export type WebhookUpdate = api.UpdateWebhookBody;
export type Delivery = api.Delivery;
export type WebhookReplay = api.ReplayWebhookEventsBody;

/** The documents that list operations return. */
export type TaskPage = api.TaskPage;
export type SessionPage = api.SessionPage;
export type ApprovalPage = api.ApprovalPage;
export type AuditPage = api.AuditPage;
export type DeliveryPage = api.DeliveryPage;

type Query<T extends { query?: unknown }> = Omit<NonNullable<T['query']>, 'cursor'>;

export type TaskFilter = Query<api.ListTasksData>;
export type SessionFilter = Query<api.ListSessionsData>;
export type ApprovalFilter = Query<api.ListApprovalsData>;
export type AuditFilter = Query<api.ListAuditEventsData>;
export type DeliveryFilter = Query<api.ListWebhookDeliveriesData>;
