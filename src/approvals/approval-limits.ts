/** The shortest and the longest time that an approval can be left open for, in seconds: a minute, 30 days. */
export const EXPIRY_SECONDS = { min: 60, max: 30 * 24 * 60 * 60 };
/** How long an approval can be decided, in seconds, where the one who asks does not say: 72 hours. */
export const DEFAULT_EXPIRY_SECONDS = 72 * 60 * 60;
/** How many subjects may have to approve, and how many roles one after the other. */
export const MAX_QUORUM = 20;
export const MAX_STAGES = 8;
/** How many approvals a task may have, and how many roles that decide. */
export const MAX_APPROVALS = 100;
export const MAX_APPROVER_ROLES = 20;
