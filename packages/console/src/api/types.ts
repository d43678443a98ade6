/** Members of the API's responses that the console reads. docs/openapi.json describes them. */

type TaskStatus = 'pending' | 'active' | 'completed' | 'failed' | 'expired' | 'dead' | 'cancelled';
type ApprovalStatus = 'pending' | 'approved' | 'rejected' | 'expired' | 'withdrawn';
type SessionStatus = 'pending' | 'active' | 'completed' | 'failed' | 'expired';
type Json = Record<string, unknown>;

export interface Me {
  subject: string;
  roles: string[];
  acting_role: string | null;
  kind: 'human' | 'agent';
}

export interface Approval {
  id: string;
  task_id: string;
  approver_role: string;
  status: ApprovalStatus;
  reason: string;
  notes: string;
  requested_by: string | null;
  requested_role: string | null;
  created_at: string;
  decided_by: string | null;
  decision_at: string | null;
  payload: Json | null;
  digest: string | null;
  quorum: number;
  votes: number;
  stage: number;
  stages: string[];
  chain_id: string;
  expires_at: string | null;
  consume_until: string | null;
  consumed_at: string | null;
  consumed_by: string | null;
  supersedes: string | null;
  delegated_from: string | null;
  reassigned_from: string | null;
  approver_kind: 'any' | 'human';
  repeat: boolean;
  earlier: EarlierDecision[];
  task: { task_type: string; description: string; status: TaskStatus };
}

export interface EarlierDecision {
  approval_id: string;
  status: ApprovalStatus;
  decided_by: string | null;
  decision_at: string | null;
  consumed_at: string | null;
  consumed_by: string | null;
}

export interface ApprovalPage {
  approvals: Approval[];
  next_cursor: string | null;
}

export interface Task {
  id: string;
  task_type: string;
  description: string;
  from_role: string;
  to_role: string;
  data: Json;
  context: Json;
  status: TaskStatus;
  session_id: string;
  attempt: number;
  priority: 'low' | 'normal' | 'high';
  deadline_at: string | null;
  max_attempts: number;
  parent_task_id: string | null;
  parked_until_approval: string | null;
  claimed_by: string | null;
  trace_id: string;
  created_by: string;
  created_at: string;
}

export interface TaskPage {
  tasks: Task[];
  next_cursor: string | null;
}

export interface Session {
  id: string;
  role: string;
  status: SessionStatus;
  attempt: number | null;
  version: number;
  claimed_by: string | null;
  lease_expires_at: string | null;
  ended_reason: string | null;
  not_before: string | null;
  result: Json | null;
  error: string | null;
  created_at: string;
  updated_at: string;
}

export interface TaskDetail extends Task {
  attempts: Session[];
  approvals: Approval[];
  complete: boolean;
}

export interface TaskNode {
  id: string;
  status: string;
  task_type?: string;
  from_role?: string;
  to_role?: string;
  children: TaskNode[];
}

export interface TimelineEntry {
  at: string;
  event: string;
  role: string;
  actor: string;
  from?: string;
  to?: string;
  reason?: string;
  told?: string;
  cause?: string;
  session_id: string | null;
  approval_id: string | null;
}

export interface WaitsFor {
  what: 'claim' | 'due_time' | 'worker' | 'approval';
  who: string;
  since: string;
  approval_id?: string;
}

export interface Timeline {
  events: TimelineEntry[];
  complete: boolean;
  waits_for: WaitsFor[];
}

export interface AuditEvent {
  id: string;
  event_type: string;
  role: string;
  actor: string;
  timestamp: string;
  trace_id: string;
  task_id: string | null;
  session_id: string | null;
  approval_id: string | null;
  metadata: Json;
}

export interface AuditPage {
  events: AuditEvent[];
  next_cursor: string | null;
}

/** An event of the stream: a CloudEvent. */
export interface MeshEvent {
  id: string;
  type: string;
  time: string;
  role: string;
  sequence: string;
  data: {
    actor: string;
    trace_id: string;
    task_id: string | null;
    session_id: string | null;
    approval_id: string | null;
    metadata: Json;
  };
}

/** `config.json` of the controller. */
export interface ConsoleConfig {
  version: string;
  oidc: { authority: string; client_id: string; scope: string } | null;
  dev_token: boolean;
}
