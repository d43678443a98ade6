import { CreateFourTables1764000000000 } from './1764000000000-create-four-tables.js';
import { AddLifecycleAndActors1764000001000 } from './1764000001000-add-lifecycle-and-actors.js';
import { CreateIdempotencyRecords1764000002000 } from './1764000002000-create-idempotency-records.js';
import { AddWork1764000003000 } from './1764000003000-add-work.js';
import { GovernApprovals1764000004000 } from './1764000004000-govern-approvals.js';
import { TypeAttempts1764000005000 } from './1764000005000-type-attempts.js';
import { ReassignApprovals1764000006000 } from './1764000006000-reassign-approvals.js';
import { BindConsumptions1764000007000 } from './1764000007000-bind-consumptions.js';
import { CreateServiceHeartbeat1764000008000 } from './1764000008000-create-service-heartbeat.js';
import { BoundAttempts1764000009000 } from './1764000009000-bound-attempts.js';
import { RememberSubjectRoles1764000012000 } from './1764000012000-remember-subject-roles.js';
import { RaiseConflicts1764000013000 } from './1764000013000-raise-conflicts.js';
import { CreateEventLog1764000020000 } from './1764000020000-create-event-log.js';
import { CreateDeployment1764000021000 } from './1764000021000-create-deployment.js';
import { AddEventTransactions1764000023000 } from './1764000023000-add-event-transactions.js';
import { CreateWebhooks1764000024000 } from './1764000024000-create-webhooks.js';
import { AddListColumns1764000025000 } from './1764000025000-add-list-columns.js';
import { IndexLists1764000026000 } from './1764000026000-index-lists.js';
import { CreateRolePauses1764000027000 } from './1764000027000-create-role-pauses.js';
import { CreateAuditLog1764000030000 } from './1764000030000-create-audit-log.js';
import { SaltAuditEvents1764000030500 } from './1764000030500-salt-audit-events.js';
import { IndexClaims1764000032000 } from './1764000032000-index-claims.js';
import { IndexPendingDeliveries1764000034000 } from './1764000034000-index-pending-deliveries.js';
import { AllowErasure1764000035000 } from './1764000035000-allow-erasure.js';
import { IndexChanges1764000037000 } from './1764000037000-index-changes.js';
import { AddTraceparent1764000038000 } from './1764000038000-add-traceparent.js';
import { AddCosignatures1764000039000 } from './1764000039000-add-cosignatures.js';
import { CreatePushConfigs1764000041000 } from './1764000041000-create-push-configs.js';
import { AllowArchiving1764000042000 } from './1764000042000-allow-archiving.js';

/** All migrations, in the order in which they are applied. */
export const MIGRATIONS = [
  CreateFourTables1764000000000,
  AddLifecycleAndActors1764000001000,
  CreateIdempotencyRecords1764000002000,
  AddWork1764000003000,
  GovernApprovals1764000004000,
  TypeAttempts1764000005000,
  ReassignApprovals1764000006000,
  BindConsumptions1764000007000,
  CreateServiceHeartbeat1764000008000,
  BoundAttempts1764000009000,
  RememberSubjectRoles1764000012000,
  RaiseConflicts1764000013000,
  CreateEventLog1764000020000,
  CreateDeployment1764000021000,
  AddEventTransactions1764000023000,
  CreateWebhooks1764000024000,
  AddListColumns1764000025000,
  IndexLists1764000026000,
  CreateRolePauses1764000027000,
  CreateAuditLog1764000030000,
  SaltAuditEvents1764000030500,
  IndexClaims1764000032000,
  IndexPendingDeliveries1764000034000,
  AllowErasure1764000035000,
  IndexChanges1764000037000,
  AddTraceparent1764000038000,
  AddCosignatures1764000039000,
  CreatePushConfigs1764000041000,
  AllowArchiving1764000042000,
];
