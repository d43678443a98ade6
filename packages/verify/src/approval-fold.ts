import { FormatError } from './encoding.js';
import { isObject, type Json, type JsonObject } from './json.js';
import type { Leaf } from './leaf.js';

/** Derives approvals from their sealed events. The controller and the verifier use the same code, on the same leaves. */

/** A sealed event of an approval, with its opened parts. */
export interface ApprovalEvent {
  /** Index of the leaf in the log. */
  readonly index: number;
  readonly leaf: Leaf;
  /** By name of the part. */
  readonly opened: ReadonlyMap<string, Json>;
}

/** The subject of an event in a statement: the actor, a pseudonym, or null. */
export type SubjectReader = (event: ApprovalEvent) => Json;

/** An approval as its events record it. */
export interface FoldedApproval {
  readonly approval_id: string;
  readonly chain_id: Json;
  readonly stage: Json;
  readonly stages: Json;
  readonly supersedes: Json;
  readonly task_id: string | null;
  readonly trace_id: string;
  readonly digest: { alg: 'sha-256'; form: 'rfc8785'; value: Json };
  readonly requested_by: Json;
  readonly requested_role: Json;
  readonly requested_at: Json;
  readonly approver_role: Json;
  readonly approver_kind: Json;
  readonly delegated_from: Json;
  readonly reassigned_from: Json;
  readonly quorum: Json;
  readonly four_eyes: Json;
  readonly expires_at: Json;
  readonly decision: Json;
  readonly decided_at: Json;
  readonly votes: FoldedVote[];
  readonly consume_until: Json;
  readonly consumed: { by: Json; at: Json } | null;
}

/** A vote that its event records. */
interface FoldedVote {
  readonly subject: Json;
  readonly role: string;
  readonly kind: Json;
  readonly decision: Json;
  readonly at: string;
}

/**
 * Returns the approvals of events in the order of the log, by id.
 *
 * @throws FormatError if the events are not in an order that the controller records
 */
export function foldApprovals(
  events: readonly ApprovalEvent[],
  subjectOf: SubjectReader,
): Map<string, FoldedApproval> {
  const approvals = new Map<string, FoldedApproval>();
  for (const event of events) {
    const { approval_id } = event.leaf;
    if (approval_id === null) throw new FormatError(`entry ${event.index} is of no approval`);
    const next = step(approvals.get(approval_id), event, approval_id, subjectOf);
    approvals.set(approval_id, next);
  }
  return approvals;
}

/**
 * Returns the statement about an approval: the approval, and the stages before it as `earlier` if there are any.
 *
 * @throws FormatError if the approval is missing, or an event is of another chain
 */
export function statedApproval(
  approvals: ReadonlyMap<string, FoldedApproval>,
  id: string,
): JsonObject {
  const approval = approvals.get(id);
  if (!approval) throw new FormatError(`no event is of the approval ${id}`);
  const chain = [...approvals.values()];
  if (chain.some(({ chain_id }) => chain_id !== approval.chain_id)) {
    throw new FormatError('an event is of an approval of another chain');
  }
  const earlier = chain
    .filter(({ stage }) => stageOf(stage) < stageOf(approval.stage))
    .sort((a, b) => stageOf(a.stage) - stageOf(b.stage));
  return { ...toJson(approval), ...(earlier.length > 0 && { earlier: earlier.map(toJson) }) };
}

/** Returns the times of the API: milliseconds. Leaves have microseconds. */
function toMilliseconds(timestamp: string): string {
  return timestamp.replace(/(\.\d{3})\d*Z$/, '$1Z');
}

function step(
  approval: FoldedApproval | undefined,
  event: ApprovalEvent,
  id: string,
  subjectOf: SubjectReader,
): FoldedApproval {
  const { index, leaf } = event;
  const { event_type, facts } = leaf;
  if (event_type === 'approval_requested') {
    if (approval) throw new FormatError(`entry ${index} requests the approval a second time`);
    return {
      ...begin(event, id),
      requested_by: subjectOf(event),
      requested_role: fact(facts, 'requested_role') ?? leaf.role,
    };
  }
  const isUnrequested = event_type === 'approval_decided' && !approval;
  const current = approval ?? (isUnrequested ? begin(event, id) : undefined);
  if (!current) throw new FormatError(`entry ${index} is of an approval that was not requested`);
  if (leaf.task_id !== current.task_id || leaf.trace_id !== current.trace_id) {
    throw new FormatError(`entry ${index} is of another task`);
  }
  return change(current, event, subjectOf);
}

function begin({ leaf, opened }: ApprovalEvent, approval_id: string): FoldedApproval {
  const { facts, task_id, trace_id, timestamp } = leaf;
  return {
    approval_id,
    chain_id: fact(facts, 'chain_id'),
    stage: fact(facts, 'stage'),
    stages: fact(facts, 'stages'),
    supersedes: fact(facts, 'supersedes'),
    task_id,
    trace_id,
    digest: { alg: 'sha-256', form: 'rfc8785', value: opened.get('digest') ?? null },
    requested_by: null,
    requested_role: null,
    requested_at: fact(facts, 'began') ?? toMilliseconds(timestamp),
    approver_role: fact(facts, 'approver_role'),
    approver_kind: fact(facts, 'approver_kind'),
    delegated_from: null,
    reassigned_from: null,
    quorum: fact(facts, 'quorum'),
    four_eyes: fact(facts, 'four_eyes'),
    expires_at: fact(facts, 'expires_at'),
    decision: null,
    decided_at: null,
    votes: [],
    consume_until: null,
    consumed: null,
  };
}

function change(
  approval: FoldedApproval,
  event: ApprovalEvent,
  subjectOf: SubjectReader,
): FoldedApproval {
  const { index, leaf, opened } = event;
  const { facts, event_type } = leaf;
  const digest = opened.get('digest');
  if (digest !== undefined && digest !== approval.digest.value) {
    throw new FormatError(`entry ${index} is of another payload`);
  }
  const isApproved = approval.decision === 'approved';
  if (approval.decision !== null && !AFTER_DECISION.includes(event_type)) {
    throw new FormatError(`entry ${index} changes an approval that was decided`);
  }
  switch (event_type) {
    case 'approval_voted':
      return { ...approval, votes: [...approval.votes, voteOf(event, subjectOf)] };
    case 'approval_decided':
      return {
        ...approval,
        votes: [...approval.votes, voteOf(event, subjectOf)],
        decision: fact(facts, 'decision'),
        decided_at: fact(facts, 'decision_at') ?? toMilliseconds(leaf.timestamp),
        consume_until: fact(facts, 'consume_until'),
      };
    case 'approval_delegated':
      return { ...moved(approval, facts), delegated_from: fact(facts, 'from') };
    case 'approval_recalled':
      return { ...moved(approval, facts), delegated_from: null };
    case 'approval_reassigned':
      return {
        ...moved(approval, facts),
        delegated_from: null,
        reassigned_from: fact(facts, 'from'),
        votes: [],
      };
    case 'approval_extended':
      return { ...approval, [isApproved ? 'consume_until' : 'expires_at']: fact(facts, 'until') };
    case 'approval_withdrawn':
    case 'approval_expired':
      return approval;
    case 'approval_consumed':
      if (!isApproved || approval.consumed) {
        throw new FormatError(`entry ${index} consumes an approval that cannot be consumed`);
      }
      return { ...approval, consumed: { by: subjectOf(event), at: consumedAt(leaf) } };
    default:
      throw new FormatError(`entry ${index} is not an event of an approval: ${event_type}`);
  }
}

const AFTER_DECISION = ['approval_consumed', 'approval_extended'];

function consumedAt({ facts, timestamp }: Leaf): Json {
  return fact(facts, 'consumed_at') ?? toMilliseconds(timestamp);
}

function moved(approval: FoldedApproval, facts: JsonObject): FoldedApproval {
  return {
    ...approval,
    approver_role: fact(facts, 'to'),
    approver_kind: fact(facts, 'approver_kind') ?? approval.approver_kind,
  };
}

function voteOf(event: ApprovalEvent, subjectOf: SubjectReader): FoldedVote {
  const { facts, role, timestamp } = event.leaf;
  return {
    subject: subjectOf(event),
    role,
    kind: fact(facts, 'kind'),
    decision: fact(facts, 'decision'),
    at: toMilliseconds(timestamp),
  };
}

function fact(facts: JsonObject, name: string): Json {
  return Object.hasOwn(facts, name) ? (facts[name] ?? null) : null;
}

function stageOf(stage: Json): number {
  return typeof stage === 'number' ? stage : 1;
}

function toJson(approval: FoldedApproval): JsonObject {
  return {
    ...approval,
    digest: { ...approval.digest },
    votes: approval.votes.map((vote) => ({ ...vote })),
    consumed: approval.consumed && { ...approval.consumed },
  };
}

/** Returns whether a value is an object with a member of this name. */
export function hasMember(value: Json | undefined, name: string): value is JsonObject {
  return isObject(value) && Object.hasOwn(value, name);
}
