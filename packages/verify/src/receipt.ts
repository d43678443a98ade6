import {
  type ApprovalEvent,
  foldApprovals,
  statedApproval,
  type SubjectReader,
} from './approval-fold.js';
import type { Json, JsonObject } from './json.js';
import { signJws } from './jws.js';
import { disclosuresOf, type EventRow, leafText, openDisclosures, parseLeaf } from './leaf.js';

import type { Checkpoint, LogSigner } from './note.js';

/** Receipts of approvals: one JSON file that verifies without the controller. */

export const RECEIPT_FORMAT = 'agent-mesh/approval-receipt/v1';
export const RECEIPT_MEDIA_TYPE = 'application/vnd.agent-mesh.receipt+json';
export const STATEMENT_TYPE = 'approval-receipt+jws';

/** The parts of events that a receipt discloses, besides the digest of the payload. */
export const DISCLOSURES = ['actors', 'all', 'none'] as const;
export type Disclosure = (typeof DISCLOSURES)[number];

/** A receipt. */
export interface Receipt {
  readonly format: typeof RECEIPT_FORMAT;
  /** Compact JWS. */
  readonly statement: string;
  /** Signed note of the head. */
  readonly checkpoint: string;
  readonly evidence: Evidence[];
}

/** A sealed event in a receipt. */
export interface Evidence {
  readonly index: number;
  /** The exact text of the leaf. */
  readonly leaf: string;
  /** Disclosures that open commitments of the leaf. */
  readonly open: string[];
  /** The inclusion proof, in base64. */
  readonly proof: string[];
}

/** A sealed event from which a receipt is made. */
export interface SealedEvent {
  readonly index: number;
  readonly row: EventRow;
  readonly proof: readonly Buffer[];
}

/** A request for a receipt. */
export interface ReceiptSource {
  readonly approvalId: string;
  /** All sealed events of the chain of the approval, in the order of the log. */
  readonly events: readonly SealedEvent[];
  readonly head: Checkpoint & { readonly note: string };
  readonly disclose: Disclosure;
  /** Seconds since 1970. */
  readonly issuedAt: number;
}

/**
 * Returns what a receipt states about the approval.
 *
 * @throws FormatError if the events are not those of an approval
 */
export function approvalOf({
  approvalId,
  events,
  disclose,
}: Omit<ReceiptSource, 'head' | 'issuedAt'>): JsonObject {
  const disclosed = events.map((event) => toEvent(event, disclose));
  const subjectOf = subjectReader(events, disclose);
  return statedApproval(foldApprovals(disclosed, subjectOf), approvalId);
}

/** Makes a receipt. */
export async function buildReceipt(source: ReceiptSource, signer: LogSigner): Promise<Receipt> {
  const { approvalId, events, head, disclose, issuedAt } = source;
  const payload = {
    iss: head.origin,
    iat: issuedAt,
    sub: `approval-${approvalId}`,
    log: { origin: head.origin, size: head.size, root: head.root.toString('base64') },
    approval: approvalOf(source),
  };
  return {
    format: RECEIPT_FORMAT,
    statement: await signJws(payload, STATEMENT_TYPE, signer),
    checkpoint: head.note,
    evidence: events.map(({ index, row, proof }) => ({
      index,
      leaf: leafText(row),
      open: openOf(row, disclose),
      proof: proof.map((hash) => hash.toString('base64')),
    })),
  };
}

function toEvent({ index, row }: SealedEvent, disclose: Disclosure): ApprovalEvent {
  const leaf = parseLeaf(leafText(row));
  return { index, leaf, opened: openDisclosures(leaf, openOf(row, disclose)) };
}

/** Returns the disclosures of an event. The digest of the payload is always disclosed: a receipt is for a payload. */
function openOf(row: EventRow, disclose: Disclosure): string[] {
  return [...disclosuresOf(row)]
    .filter(([name]) => name === 'digest' || isDisclosed(name, disclose))
    .map(([, disclosure]) => disclosure);
}

function isDisclosed(name: string, disclose: Disclosure): boolean {
  return disclose === 'all' || (disclose === 'actors' && name === 'actor');
}

/** Returns subjects as the receipt names them: with pseudonyms if it discloses none, and null for erased ones. */
function subjectReader(events: readonly SealedEvent[], disclose: Disclosure): SubjectReader {
  const rows = new Map(events.map(({ index, row }) => [index, row]));
  const pseudonyms = new Map<string, string>();
  return ({ index }): Json => {
    const row = rows.get(index);
    if (!row || row.salt === null) return null;
    if (disclose !== 'none') return row.actor;
    const pseudonym = pseudonyms.get(row.actor) ?? `undisclosed-${pseudonyms.size + 1}`;
    pseudonyms.set(row.actor, pseudonym);
    return pseudonym;
  };
}

/** Returns the text of a receipt. */
export function receiptText(receipt: Receipt): string {
  const { format, statement, checkpoint, evidence } = receipt;
  return JSON.stringify({ format, statement, checkpoint, evidence });
}
