import { withPrefix } from '../common/ids.js';
import type { ExpectedRow } from './expected-row.js';
import type { LogEntry } from './log-entry.js';
import { type ReplayState, voteKey } from './replay-state.js';

/** Opens a pending approval. */
export function approvalRequested(state: ReplayState, event: LogEntry): void {
  const { approval_id, metadata, actor } = event;
  if (approval_id === null) return;
  const approval = open(state, event, approval_id);
  const { requested_role, requested_kind, expires_in_seconds, expires_at } = metadata;
  approval.set(event, { status: 'pending', requested_by: actor, requested_role, requested_kind });
  approval.set(event, { expires_in_seconds, expires_at, supersedes: metadata.supersedes ?? null });
  approval.set(event, { repeat: metadata.repeat ?? false });
}

/** Records a vote that does not decide. */
export function approvalVoted(state: ReplayState, event: LogEntry): void {
  const approval = state.approval(event);
  assertStatus(state, approval, event, 'pending');
  recordVote(state, approval, event);
}

/** Decides an approval; one that was not requested, it opens. */
export function approvalDecided(state: ReplayState, event: LogEntry): void {
  const { approval_id, metadata, actor } = event;
  if (approval_id === null) return;
  const { began, decision, decision_at, consume_until, kind, digest } = metadata;
  const isRequested = state.approvals.has(approval_id);
  const approval =
    isRequested || began === undefined ? state.approval(event) : open(state, event, approval_id);
  if (isRequested) assertStatus(state, approval, event, 'pending');
  else
    approval.set(event, {
      ...{ requested_by: null, requested_role: null, requested_kind: 'any', supersedes: null },
      ...{ expires_at: null, expires_in_seconds: null, repeat: false },
    });
  if (decision_at === undefined) approval.isOld = true;
  assertDigest(state, approval, event, digest);
  approval.set(event, { status: decision, decision_at, consume_until, decided_by: actor });
  approval.set(event, { decided_by_kind: kind });
  approval.setContent(event);
  recordVote(state, approval, event);
}

export function approvalWithdrawn(state: ReplayState, event: LogEntry): void {
  const approval = state.approval(event);
  assertStatus(state, approval, event, 'pending');
  const { decision_at } = event.metadata;
  if (decision_at === undefined) approval.isOld = true;
  approval.set(event, { status: 'withdrawn', decision_at });
}

export function approvalExpired(state: ReplayState, event: LogEntry): void {
  const approval = state.approval(event);
  assertStatus(state, approval, event, 'pending');
  approval.set(event, { status: 'expired' });
}

export function approvalExtended(state: ReplayState, event: LogEntry): void {
  const approval = state.approval(event);
  const { until } = event.metadata;
  const isApproved = approval.get('status') === 'approved';
  if (!isApproved) assertStatus(state, approval, event, 'pending');
  approval.set(event, isApproved ? { consume_until: until } : { expires_at: until });
}

/** Moves a pending decision to another role: a delegation, a recall or a reassignment. */
export function approvalMoved(state: ReplayState, event: LogEntry): void {
  const { metadata, event_type, actor } = event;
  const approval = state.approval(event);
  assertStatus(state, approval, event, 'pending');
  const { from, to, approver_kind, delegated_from, reassigned_at } = metadata;
  if (approver_kind === undefined) approval.isOld = true;
  approval.set(event, { approver_role: to, approver_kind, delegated_from });
  if (event_type !== 'approval_reassigned') return;
  approval.set(event, { reassigned_from: from, reassigned_by: actor, reassigned_at });
}

export function approvalConsumed(state: ReplayState, event: LogEntry): void {
  const { metadata, actor, entry } = event;
  const { consumed_at, consumed_session_id, attempt, digest } = metadata;
  const approval = state.approval(event);
  assertStatus(state, approval, event, 'approved');
  assertDigest(state, approval, event, digest);
  if (approval.get('consumed_by') !== null && approval.get('consumed_by') !== undefined)
    state.findings.add(`${approval.name}: is consumed a second time`, entry);
  if (consumed_at === undefined) approval.isOld = true;
  approval.set(event, { consumed_at, consumed_session_id, consumed_attempt: attempt });
  approval.set(event, { consumed_by: actor });
}

function open(state: ReplayState, event: LogEntry, id: string): ExpectedRow {
  const { metadata, task_id } = event;
  const { approver_role, chain_id, stage, stages, quorum, digest, approver_kind, began } = metadata;
  const approval = state.open(state.approvals, withPrefix('approval', id), id, event);
  approval.isOld = began === undefined;
  approval.set(event, {
    ...{ id, task_id, approver_role, approver_kind, chain_id, stage, stages, quorum },
    ...{ digest, created_at: began, decision_at: null, decided_by: null, decided_by_kind: null },
    ...{ consume_until: null, consumed_at: null, consumed_by: null, consumed_attempt: null },
    ...{ consumed_session_id: null, delegated_from: null, reassigned_from: null },
    ...{ reassigned_by: null, reassigned_at: null },
  });
  approval.setContent(event);
  return approval;
}

/** Records the vote of an event. A vote that changes an earlier one is not stored; a renewal is stored on its own. */
function recordVote(state: ReplayState, approval: ExpectedRow, event: LogEntry): void {
  const { approval_id, actor, at, metadata, event_type } = event;
  const { decision, kind, chain_id, changed_from, renewed } = metadata;
  if (approval_id === null || changed_from !== undefined) return;
  if (actor === undefined) {
    state.approvalsWithErasedVotes.add(approval_id);
    return;
  }
  const key = voteKey(approval_id, actor);
  const [rows, id] =
    renewed === true ? ([state.renewals, `${key} ${at}`] as const) : ([state.votes, key] as const);
  const vote = state.open(rows, `${approval.name} vote of ${actor}`, id, event);
  vote.isOld = chain_id === undefined;
  vote.set(event, { approval_id, subject: actor, decision });
  vote.set(event, renewed === true ? { renewed_at: at } : { created_at: at, kind, chain_id });
  if (event_type === 'approval_voted') vote.setContent(event);
  // The event of a decision commits to the notes as those of the approval.
  else vote.notesOf = approval;
}

function assertStatus(
  state: ReplayState,
  approval: ExpectedRow,
  { event_type, entry }: LogEntry,
  status: string,
): void {
  const known = approval.get('status');
  if (typeof known !== 'string' || known === status) return;
  state.findings.add(`${approval.name}: ${event_type} while it is ${known}`, entry);
}

/** An event of an approval has the digest of the payload that was requested. */
function assertDigest(
  state: ReplayState,
  approval: ExpectedRow,
  { entry }: LogEntry,
  digest: unknown,
): void {
  const known = approval.get('digest');
  if (typeof known !== 'string' || typeof digest !== 'string' || known === digest) return;
  state.findings.add(`${approval.name}: the digest differs from that of the request`, entry);
}
