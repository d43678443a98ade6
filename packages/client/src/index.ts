/**
 * The client of one controller, and the worker of a role. `docs/client.md` describes how they behave.
 *
 * @module client
 */
export { createClient, type ClientOptions, type MeshClient } from './client.js';
export {
  ConnectionError,
  CredentialsError,
  type InputProblem,
  isProblem,
  MeshError,
  type Problem,
  ProblemError,
  WaitTimeoutError,
} from './errors.js';
export {
  clientCredentials,
  type ClientCredentialsOptions,
} from './credentials/client-credentials.js';
export {
  type ClientIdentity,
  type GrantedToken,
  type OidcMetadata,
  OidcProvider,
  type OidcProviderOptions,
} from './credentials/oidc-provider.js';
export { tokenFile } from './credentials/token-file.js';
export type { TokenContext, TokenProvider } from './credentials/token-provider.js';
export { digestOf } from './digest.js';
export type { EventFilter, EventOptions, MeshEvent } from './events.js';
export type { MeshRequest, MeshResponse, Method, Query, RequestOptions } from './http.js';
export type { List, Page } from './pages.js';
export type { Approvals, Consumption } from './resources/approvals.js';
export type { Audit } from './resources/audit.js';
export type { WriteOptions } from './resources/resource.js';
export type { Roles } from './resources/roles.js';
export type { Failure, Sessions } from './resources/sessions.js';
export type { ChangedTask, Tasks, WorkFilter } from './resources/tasks.js';
export type { Webhooks } from './resources/webhooks.js';
export type * from './types.js';
export { ApprovalRefusedError, TaskEndedError, type WaitOptions } from './waiting.js';
export type { ApprovalOptions } from './worker/approval-step.js';
export type { TaskHandler } from './worker/attempt.js';
export type { TaskContext } from './worker/task-context.js';
export type * from './worker/worker-event.js';
export {
  LeaseLostError,
  NonRetryableError,
  ReleaseError,
  type ReleaseReason,
  RetryableError,
  TaskCancelledError,
  WorkerStoppedError,
} from './worker/worker-errors.js';
export { Worker, type WorkerOptions } from './worker/worker.js';
