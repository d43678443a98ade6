import { type ApprovalEvent, foldApprovals, hasMember, statedApproval } from './approval-fold.js';
import { decodeBase64, decodeUtf8, FormatError, sha256 } from './encoding.js';
import { type Finding, FindingError, type Report, toFinding } from './findings.js';
import { type Head, type KeyLimits, verifyHead } from './head.js';
import {
  canonicalJson,
  hasExactly,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  show,
} from './json.js';
import { verifyJws } from './jws.js';
import { openDisclosures, parseLeaf } from './leaf.js';
import type { Checkpoint } from './note.js';
import type { Policy } from './policy.js';
import { RECEIPT_FORMAT, STATEMENT_TYPE } from './receipt.js';
import { isIncluded, leafHash } from './tree.js';

const MAX_BYTES = 1024 * 1024;
const MAX_ENTRIES = 1_000;

/** What a receipt is verified against. */
export interface ReceiptExpectations {
  readonly policy: Policy;
  readonly limits?: KeyLimits;
  /** The payload of the action that the approval must be of. */
  readonly payload?: Json;
  /** Heads of the log that the verifier has kept. */
  readonly heads?: readonly Checkpoint[];
}

/** The result of the verification of a receipt. */
export interface ReceiptReport extends Report {
  /** What the receipt states. Undefined if it is invalid. */
  readonly statement?: JsonObject;
}

/** Verifies a receipt. An invalid receipt has one finding, the first. */
export function verifyReceipt(
  receipt: Uint8Array,
  { policy, limits, payload, heads }: ReceiptExpectations,
): ReceiptReport {
  try {
    const parsed = parseReceipt(receipt);
    const head = verifyHead(parsed.checkpoint, policy, limits);
    const statement = verifyStatement(parsed.statement, head);
    const events = parsed.evidence.map((entry) => verifyEntry(entry, head));
    assertAscending(events);
    const approval = verifyApproval(statement, events);
    const findings = [
      ...headFindings(head, heads),
      ...erasureFindings(approval),
      ...payloadFindings(approval, payload),
    ];
    return { findings, notes: notesOf(approval, head, payload), statement };
  } catch (error) {
    return { findings: [toFinding(error)], notes: [] };
  }
}

interface ParsedReceipt {
  statement: string;
  checkpoint: string;
  evidence: JsonObject[];
}

function parseReceipt(bytes: Uint8Array): ParsedReceipt {
  if (bytes.length > MAX_BYTES) throw new FormatError('the receipt is larger than 1 MiB');
  const receipt = parseJson(decodeUtf8(bytes));
  if (!isObject(receipt) || receipt.format !== RECEIPT_FORMAT) {
    throw new FormatError(`not a receipt of the format ${RECEIPT_FORMAT}`);
  }
  const { statement, checkpoint, evidence } = receipt;
  if (
    !hasExactly(receipt, ['format', 'statement', 'checkpoint', 'evidence']) ||
    typeof statement !== 'string' ||
    typeof checkpoint !== 'string' ||
    !Array.isArray(evidence)
  ) {
    throw new FormatError('not the four members of a receipt');
  }
  if (evidence.length > MAX_ENTRIES)
    throw new FormatError('the receipt has more than 1,000 entries');
  if (!evidence.every(isObject)) throw new FormatError('an entry of the receipt is not an object');
  return { statement, checkpoint, evidence };
}

function verifyStatement(jws: string, head: Head): JsonObject {
  // The time line is a part of the head: without it, a changed one would pass as the signature of an unknown key.
  if (head.time === undefined) throw new FormatError('the head has no time of the log');
  const statement = verifyWithAnyKey(jws, head);
  const { origin, size, root } = head;
  const log = { origin, size, root: root.toString('base64') };
  if (!hasExactly(statement, ['iss', 'iat', 'sub', 'log', 'approval'])) {
    throw new FormatError('not the members of a statement');
  }
  if (statement.iss !== origin || !isEqual(statement.log, log)) {
    throw new FormatError('the statement is about another head');
  }
  if (typeof statement.iat !== 'number') throw new FormatError('the statement has no time');
  return statement;
}

/** While a key is rotated, two keys sign the head and one of them the statement. */
function verifyWithAnyKey(jws: string, { keys }: Head): JsonObject {
  let first: unknown;
  for (const key of keys) {
    try {
      return verifyJws(jws, STATEMENT_TYPE, key);
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

function verifyEntry(entry: JsonObject, { size, root }: Head): ApprovalEvent {
  const { index, leaf: text, open, proof } = entry;
  if (
    !hasExactly(entry, ['index', 'leaf', 'open', 'proof']) ||
    typeof index !== 'number' ||
    typeof text !== 'string' ||
    !isStrings(open) ||
    !isStrings(proof)
  ) {
    throw new FormatError('not the four members of an entry');
  }
  const hashes = proof.map(decodeBase64);
  if (!isIncluded({ index, size, hash: leafHash(text), root, proof: hashes })) {
    throw new FindingError(
      'INVALID',
      `entry ${index}: the inclusion proof does not lead to the head`,
    );
  }
  return ofEntry(index, () => {
    const leaf = parseLeaf(text);
    return { index, leaf, opened: openDisclosures(leaf, open) };
  });
}

/** Names the entry in the message of an error. */
function ofEntry<T>(index: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new FormatError(`entry ${index}: ${toFinding(error).message}`);
  }
}

function assertAscending(events: readonly ApprovalEvent[]): void {
  const isAscending = events.every(
    ({ index }, n) => n === 0 || (events[n - 1]?.index ?? 0) < index,
  );
  if (!isAscending) throw new FormatError('the entries are not in ascending order');
}

/** The members of the statement about an approval, of which the verifier uses the values. */
interface StatedApproval {
  approval: JsonObject;
  approvers: Json[];
}

function verifyApproval(statement: JsonObject, events: readonly ApprovalEvent[]): StatedApproval {
  const { sub, approval } = statement;
  if (!hasMember(approval, 'approval_id') || typeof approval.approval_id !== 'string') {
    throw new FormatError('the statement is about no approval');
  }
  const { approval_id } = approval;
  if (sub !== `approval-${approval_id}`)
    throw new FormatError('the subject of the statement differs');
  const folded = statedApproval(
    foldApprovals(events, ({ index, opened }) => opened.get('actor') ?? { [UNDISCLOSED]: index }),
    approval_id,
  );
  assertAgrees(folded, approval, 'approval');
  const { earlier } = approval;
  const stages = [approval, ...(Array.isArray(earlier) ? earlier.filter(isObject) : [])];
  const [approvers = []] = stages.map(assertDecided);
  return { approval, approvers };
}

const UNDISCLOSED = 'undisclosed subject of entry';
const PSEUDONYM = /^undisclosed-[1-9]\d{0,3}$/;
const UNDISCLOSED_NOTE =
  'no subject is disclosed: that the approvers are distinct is a statement of the log';

function isPseudonym(subject: Json | undefined): boolean {
  return typeof subject === 'string' && PSEUDONYM.test(subject);
}

/** Asserts that the statement has the values of the log. A subject that is not disclosed has a pseudonym, or is null. */
function assertAgrees(folded: Json, stated: Json | undefined, path: string): void {
  if (isObject(folded) && Object.hasOwn(folded, UNDISCLOSED)) {
    if (stated === null || isPseudonym(stated)) return;
    throw new FormatError(
      `${path}: the subject of entry ${show(folded[UNDISCLOSED])} is not disclosed`,
    );
  }
  if (Array.isArray(folded) && Array.isArray(stated) && folded.length === stated.length) {
    for (const [n, item] of folded.entries()) assertAgrees(item, stated[n], `${path}/${n}`);
  } else if (isObject(folded) && isObject(stated) && hasExactly(stated, Object.keys(folded))) {
    for (const [name, item] of Object.entries(folded)) {
      assertAgrees(item, stated[name], `${path}/${name}`);
    }
  } else if (!isEqual(stated, folded)) {
    throw new FormatError(`the statement says what the log does not: ${path}`);
  }
}

/** Asserts the rules of a decision. Returns the subjects that approved. */
function assertDecided(approval: JsonObject): Json[] {
  const { decision, quorum, votes, four_eyes, requested_by } = approval;
  const cast = Array.isArray(votes) ? votes.filter(isObject) : [];
  if (decision !== 'approved' && decision !== 'rejected') throw new FormatError('no decision');
  if (cast.at(-1)?.decision !== decision)
    throw new FormatError('the decision is not the last vote');
  if (typeof quorum !== 'number') throw new FormatError('the statement has no quorum');
  if (decision === 'rejected') return [];
  const approvers = cast
    .filter((vote) => vote.decision === 'approved')
    .map(({ subject }) => subject ?? null);
  const distinct = [...new Set(approvers)];
  // An erased subject may be any of the others, so that it is reported below and not counted here.
  const erased = approvers.filter((subject) => subject === null).length;
  if (distinct.filter((subject) => subject !== null).length + erased < quorum) {
    throw new FormatError(`the quorum of ${quorum} is not reached by distinct subjects`);
  }
  if (four_eyes === true && requested_by !== null && approvers.includes(requested_by ?? null)) {
    throw new FormatError('the subject that requested the approval approved it');
  }
  return distinct;
}

/** Compares a head with those that were kept. Those of another size prove nothing. */
function headFindings(head: Head, heads: readonly Checkpoint[] | undefined): Finding[] {
  const findings: Finding[] = [];
  if (!head.isWitnessed) {
    findings.push({ kind: 'INCOMPLETE', message: 'the quorum of witnesses is not met' });
  }
  if (heads === undefined) return findings;
  const known = heads.filter(({ origin, size }) => origin === head.origin && size === head.size);
  if (known.length === 0) {
    const message = `no known head has the size ${head.size} of the receipt: compare them with mesh-verify consistency`;
    findings.push({ kind: 'INCOMPLETE', message });
  }
  if (known.some(({ root }) => !root.equals(head.root))) {
    findings.push({
      kind: 'DIVERGED',
      message: `another head of the size ${head.size} was published`,
    });
  }
  return findings;
}

function erasureFindings({ approval, approvers }: StatedApproval): Finding[] {
  if (!approvers.includes(null) || approval.quorum === 1) return [];
  const message =
    'a subject was erased, so the receipt does not show that the approvers are distinct';
  return [{ kind: 'INCOMPLETE', message }];
}

function payloadFindings({ approval }: StatedApproval, payload: Json | undefined): Finding[] {
  if (payload === undefined) return [];
  const stated = isObject(approval.digest) ? approval.digest.value : null;
  if (stated === null) {
    return [{ kind: 'INCOMPLETE', message: 'the digest of the approved payload was erased' }];
  }
  if (stated === sha256(canonicalJson(payload)).toString('hex')) return [];
  return [{ kind: 'MISMATCH', message: 'the payload is not the approved one' }];
}

function notesOf(
  { approval, approvers }: StatedApproval,
  head: Head,
  payload: Json | undefined,
): string[] {
  const { approval_id, decision, decided_at, stage, stages, approver_role, quorum, consumed } =
    approval;
  const count = Array.isArray(stages) ? stages.length : 1;
  const by = decision === 'approved' ? ` by ${approvers.map(show).join(', ')}` : '';
  return [
    `approval ${show(approval_id)}: ${show(decision)} for ${show(approver_role)} at ${show(decided_at)}${by}`,
    `stage ${show(stage)} of ${count}, quorum ${show(quorum)}${isObject(consumed) ? `, consumed at ${show(consumed.at)}` : ''}`,
    `log ${head.origin}, head of ${head.size} entries${head.time === undefined ? '' : `, signed at ${new Date(head.time * 1000).toISOString()}`}, witnesses: ${head.witnesses.length}`,
    ...(approvers.some(isPseudonym) ? [UNDISCLOSED_NOTE] : []),
    ...(payload === undefined ? ['no payload given: not compared with the digest'] : []),
  ];
}

function isEqual(a: Json | undefined, b: Json | undefined): boolean {
  return a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b);
}

function isStrings(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
