/** What the controller itself records. Agents report their own as `agent.<category>.<action>`. */
export type AuditEventType =
  | 'session_created'
  | 'session_adopted'
  | 'session_transitioned'
  | 'session_updated'
  | 'task_routed'
  | 'task_claimed'
  | 'task_released'
  | 'task_cancelled'
  | 'task_retried'
  | 'attempt_opened'
  | 'approval_requested'
  | 'approval_decided'
  | 'approval_withdrawn'
  | 'access_denied';
