import type { Agent } from '../auth/agent.js';
import type { Approval } from './approval.entity.js';

/** The token of the caller, as its issuer logs it: by its id, if it has one, and its issue time. */
export interface TokenFacts {
  jti?: string;
  iat?: number;
}

/** Returns the facts of an event with which an approval begins: requested, or decided without a request. */
export function requestFacts(approval: Approval, four_eyes: boolean) {
  const { chain_id, stage, stages, quorum, digest, approver_kind, created_at: began } = approval;
  return { chain_id, stage, stages, quorum, four_eyes, approver_kind, digest, began };
}

/** Returns the facts of a decision. */
export function decisionFacts({ digest, decision_at, consume_until }: Approval) {
  return { digest, decision_at, consume_until };
}

/** Returns the columns of an approval whose values the audit log contains as a commitment only. */
export function contentOf({ payload, reason, notes }: Approval) {
  return { payload, reason, notes };
}

/** Returns the token of the caller. An auditor can find it in the log of the identity provider. */
export function authOf({ tokenId, issuedAt }: Agent): { auth: TokenFacts } {
  return {
    auth: {
      ...(tokenId !== undefined && { jti: tokenId }),
      ...(issuedAt !== undefined && { iat: issuedAt }),
    },
  };
}
