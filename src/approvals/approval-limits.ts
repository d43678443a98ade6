/** Limits of `expires_in_seconds`: one minute to 30 days. */
export const EXPIRY_SECONDS = { min: 60, max: 30 * 24 * 60 * 60 };
/** Default of `expires_in_seconds`: 72 hours. */
export const DEFAULT_EXPIRY_SECONDS = 72 * 60 * 60;
/** Maximum quorum of a stage, and maximum number of stages. */
export const MAX_QUORUM = 20;
export const MAX_STAGES = 8;
/** Maximum numbers of approvals and of approver roles of a task. */
export const MAX_APPROVALS = 100;
export const MAX_APPROVER_ROLES = 20;
