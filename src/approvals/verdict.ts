import type { Decision } from './approval-status.js';

/** The decision of an approver and its comments. */
export interface Verdict {
  decision: Decision;
  notes: string;
  /** Digest of the payload that the approver has read, if the request has it. */
  digest?: string;
}

/** Time to consume an approved approval, in seconds: 24 hours. */
export const CONSUME_SECONDS = 24 * 60 * 60;
