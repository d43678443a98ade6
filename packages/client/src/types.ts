import type * as api from './generated/types.gen.js';

export type {
  Approval,
  ApprovalAck,
  ApprovalPage,
  AuditEvent,
  AuditPage,
  BulkResult,
  Caller,
  CancelledTask,
  CancelTaskBody,
  CancelTasksBody,
  ClaimedTask,
  ClaimNextTaskBody,
  ClaimTaskBody,
  CloudEvent,
  CreateWebhookBody,
  DecideApprovalBody,
  DelegateApprovalBody,
  Delivery,
  DeliveryPage,
  EventPage,
  KeyedRequest,
  PauseRoleBody,
  ReassignApprovalBody,
  RecallApprovalBody,
  ReleaseSessionBody,
  ReplayWebhookEventsBody,
  ReportedEvent,
  RequestApprovalBody,
  ResubmitApprovalBody,
  RetryTaskBody,
  RetryTasksBody,
  Role,
  RotateWebhookSecretBody,
  RoutedTask,
  RouteTaskBody,
  SendHeartbeatBody,
  Session,
  SessionPage,
  Task,
  TaskDetail,
  TaskNode,
  TaskPage,
  Timeline,
  UpdateSessionBody,
  UpdateWebhookBody,
  Webhook,
  WebhookReplay,
  WebhookTest,
  WebhookWithSecret,
  WithdrawApprovalBody,
} from './generated/types.gen.js';

type Filter<T extends { query?: unknown }> = Omit<NonNullable<T['query']>, 'cursor'>;

export type TaskFilter = Filter<api.ListTasksData>;
export type SessionFilter = Filter<api.ListSessionsData>;
export type ApprovalFilter = Filter<api.ListApprovalsData>;
export type AuditFilter = Filter<api.ListAuditEventsData>;
export type DeliveryFilter = Filter<api.ListWebhookDeliveriesData>;
