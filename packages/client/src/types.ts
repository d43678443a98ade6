/**
 * The bodies of requests and responses, generated from the OpenAPI document, and the filters of lists.
 *
 * @module types
 */
import type * as api from './generated/types.gen.js';

export type {
  Approval,
  ApprovalAck,
  ApprovalCounts,
  ApprovalPage,
  ApprovedTask,
  AuditEvent,
  AuditPage,
  AuditSeals,
  BulkResult,
  Caller,
  CancelledTask,
  CancelTaskBody,
  CancelTasksBody,
  ClaimApproval,
  ClaimedTask,
  ClaimLimits,
  ClaimNextTaskBody,
  ClaimTaskBody,
  CloudEvent,
  CreateWebhookBody,
  DecideApprovalBody,
  DecisionCounts,
  DelegateApprovalBody,
  Delivery,
  DeliveryAttempt,
  DeliveryPage,
  EarlierDecision,
  EventData,
  EventPage,
  EventSeal,
  Health,
  Hour,
  KeyedRequest,
  MatchingTask,
  NewTask,
  Overview,
  PauseRoleBody,
  ReassignApprovalBody,
  RecallApprovalBody,
  RefusedTask,
  ReleaseSessionBody,
  ReplayWebhookEventsBody,
  ReportedEvent,
  RequestApprovalBody,
  RequiredApproval,
  ResubmitApprovalBody,
  RetryTaskBody,
  RetryTasksBody,
  Role,
  RoleQueue,
  RotateWebhookSecretBody,
  RoutedTask,
  RouteTaskBody,
  SealHead,
  SendHeartbeatBody,
  Session,
  SessionPage,
  Task,
  TaskCounts,
  TaskDetail,
  TaskNode,
  TaskPage,
  Timeline,
  TimelineEntry,
  UpdateSessionBody,
  UpdateWebhookBody,
  Waiting,
  WaitsFor,
  Warning,
  Webhook,
  WebhookReplay,
  WebhookTest,
  WebhookWithSecret,
  WithdrawApprovalBody,
  WithdrawnApproval,
} from './generated/types.gen.js';

type Filter<T extends { query?: unknown }> = Omit<NonNullable<T['query']>, 'cursor'>;

/**
 * Filters of `tasks.list`.
 *
 * @interface
 */
export type TaskFilter = Filter<api.ListTasksData>;
/**
 * Filters of `sessions.list`.
 *
 * @interface
 */
export type SessionFilter = Filter<api.ListSessionsData>;
/**
 * Filters of `approvals.list`.
 *
 * @interface
 */
export type ApprovalFilter = Filter<api.ListApprovalsData>;
/**
 * Filters of `audit.events` and `audit.export`.
 *
 * @interface
 */
export type AuditFilter = Filter<api.ListAuditEventsData>;
/**
 * Options of `approvals.receipt`.
 *
 * @interface
 */
export type ReceiptOptions = NonNullable<api.GetApprovalReceiptData['query']>;
/**
 * Filters of `webhooks.deliveries`.
 *
 * @interface
 */
export type DeliveryFilter = Filter<api.ListWebhookDeliveriesData>;
