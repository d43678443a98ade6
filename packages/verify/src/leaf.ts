import { decodeBase64Url, decodeUtf8, FormatError, sha256 } from './encoding.js';
import {
  canonicalJson,
  hasExactly,
  isObject,
  type Json,
  type JsonObject,
  parseCanonical,
  parseJson,
} from './json.js';

/**
 * The leaf of an audit event, version 1: canonical JSON (RFC 8785) with facts in clear text and salted commitments
 * (RFC 9901) to the parts that can be erased: the actor, free text and the digest of a payload.
 */

/** A row of `audit_events`, with the text that PostgreSQL returns for each column. */
export interface EventRow {
  readonly id: string;
  readonly event_type: string;
  readonly role: string;
  readonly trace_id: string;
  readonly task_id: string | null;
  readonly session_id: string | null;
  readonly approval_id: string | null;
  /** `to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`: a Date has only milliseconds. */
  readonly timestamp: string;
  readonly actor: string;
  /** `metadata::text`. A parsed value has lost the digits of numbers that no double holds. */
  readonly metadata: string;
  /** `salt::text`. Null if the event was erased. */
  readonly salt: string | null;
  /** Column `erased`: the commitments of an erased event. */
  readonly erased: Readonly<Record<string, string>> | null;
}

/** The parts of an event that are committed, not in clear text. */
export type PartName = 'actor' | 'details' | 'digest';

/** A leaf that was read from its text. */
export interface Leaf {
  readonly id: string;
  readonly event_type: string;
  readonly role: string;
  readonly timestamp: string;
  readonly trace_id: string;
  readonly task_id: string | null;
  readonly session_id: string | null;
  readonly approval_id: string | null;
  readonly facts: JsonObject;
  readonly sd: Readonly<Record<string, string>>;
}

/** A commitment to a value, and the disclosure that opens it. */
export interface Commitment {
  readonly digest: string;
  readonly disclosure: string;
}

/** Returns the text of the leaf of an event. */
export function leafText(row: EventRow): string {
  const { facts, parts } = splitEvent(row);
  const text = (value: string | null): string => JSON.stringify(value);
  // Canonical JSON, written as a template: half of the time of a canonicalization of the whole.
  return (
    `{"approval_id":${text(row.approval_id)},"event_type":${text(row.event_type)},` +
    `"facts":${canonicalJson(facts)},"id":${text(row.id)},"role":${text(row.role)},` +
    `"sd":${canonicalJson(commitmentsOf(row, parts))},"session_id":${text(row.session_id)},` +
    `"task_id":${text(row.task_id)},"timestamp":${text(row.timestamp)},` +
    `"trace_id":${text(row.trace_id)},"v":1}`
  );
}

/**
 * Returns whether an erased event has a salt, an actor or text. Its leaf contains only the commitments of the erasure, so
 * the leaf does not show that somebody has written them afterwards.
 */
export function hasErasedParts(row: EventRow): boolean {
  if (row.erased === null) return false;
  const isRemoved = ([name, value]: readonly [PartName, Json]): boolean =>
    name === 'actor' ? value === 'erased' : isObject(value) && Object.keys(value).length === 0;
  return row.salt !== null || !splitEvent(row).parts.every(isRemoved);
}

/** Returns the disclosures of an event, by part. An erased event has none. */
export function disclosuresOf(row: EventRow): Map<PartName, string> {
  const { salt } = row;
  if (salt === null) return new Map();
  const { parts } = splitEvent(row);
  return new Map(parts.map(([name, value]) => [name, commit(salt, name, value).disclosure]));
}

/**
 * Commits to a value (RFC 9901, section 4.2).
 *
 * @param salt a UUID. Each name has a salt of its own, derived from it.
 */
export function commit(salt: string, name: string, value: unknown): Commitment {
  const bytes = Buffer.from(salt.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new FormatError('the salt is not a UUID');
  const memberSalt = sha256(Buffer.concat([bytes, Buffer.from(name)])).toString('base64url');
  const json = canonicalJson([memberSalt.slice(0, SALT_LENGTH), name, value]);
  const disclosure = Buffer.from(json).toString('base64url');
  return { disclosure, digest: digestOf(disclosure) };
}

/**
 * Reads a leaf.
 *
 * @throws FormatError if the text is not exactly a leaf of version 1
 */
export function parseLeaf(text: string): Leaf {
  const value = parseCanonical(text);
  const { facts, sd, v, id, event_type, role, timestamp, trace_id, ...ids } = value;
  const { task_id, session_id, approval_id } = ids;
  if (v !== 1) throw new FormatError('not a leaf of version 1');
  if (!hasExactly(value, LEAF_MEMBERS)) throw new FormatError('not the members of a leaf');
  if (!isObject(facts) || !isDigests(sd)) throw new FormatError('not a leaf');
  return {
    id: stringOf(id),
    event_type: stringOf(event_type),
    role: stringOf(role),
    timestamp: stringOf(timestamp),
    trace_id: stringOf(trace_id),
    task_id: stringOrNull(task_id),
    session_id: stringOrNull(session_id),
    approval_id: stringOrNull(approval_id),
    facts,
    sd,
  };
}

/**
 * Opens commitments of a leaf.
 *
 * @throws FormatError if a disclosure is not of this leaf, or is there twice
 */
export function openDisclosures(
  { sd }: Pick<Leaf, 'sd'>,
  disclosures: readonly string[],
): Map<string, Json> {
  const opened = new Map<string, Json>();
  for (const disclosure of disclosures) {
    const [salt, name, value] = parseDisclosure(disclosure);
    if (salt === undefined || typeof name !== 'string' || value === undefined) {
      throw new FormatError('not a disclosure');
    }
    if (sd[name] !== digestOf(disclosure)) throw new FormatError(`not the disclosure of ${name}`);
    if (opened.has(name)) throw new FormatError(`${name} is disclosed twice`);
    opened.set(name, value);
  }
  return opened;
}

/** Characters of the salt of a part: 128 bits. */
const SALT_LENGTH = 22;

const LEAF_MEMBERS = [
  'approval_id',
  'event_type',
  'facts',
  'id',
  'role',
  'sd',
  'session_id',
  'task_id',
  'timestamp',
  'trace_id',
  'v',
];

interface SplitEvent {
  facts: JsonObject;
  parts: (readonly [PartName, Json])[];
}

/** Splits an event into its facts and the parts that are committed. */
function splitEvent({ event_type, actor, metadata }: EventRow): SplitEvent {
  const value = hasInexactNumber(metadata) ? undefined : parseJson(metadata);
  const withActor = (facts: JsonObject, ...parts: SplitEvent['parts']): SplitEvent => ({
    facts,
    parts: [['actor', actor], ...parts],
  });
  if (!isObject(value)) return withActor({}, ['details', { jsonb: metadata }]);
  if (event_type.startsWith(AGENT_EVENT)) return withActor({}, ['details', value]);
  // Text in a person's own words, and subjects other than the actor.
  const { told, discarded_votes, paused_by, digest, ...facts } = value;
  const details = {
    ...(told !== undefined && { told }),
    ...(discarded_votes !== undefined && { discarded_votes }),
    ...(paused_by !== undefined && { paused_by }),
  };
  const parts: SplitEvent['parts'] = [];
  if (Object.keys(details).length > 0) parts.push(['details', details]);
  if (digest !== undefined) parts.push(['digest', digest]);
  return withActor(facts, ...parts);
}

const AGENT_EVENT = 'agent.';

function commitmentsOf(
  { salt, erased }: EventRow,
  parts: SplitEvent['parts'],
): Record<string, string> {
  if (erased !== null) return { ...erased };
  if (salt === null) throw new FormatError('the event has no salt and is not erased');
  return Object.fromEntries(parts.map(([name, value]) => [name, commit(salt, name, value).digest]));
}

/**
 * Returns whether JSON contains a number that changes when a double holds it. PostgreSQL writes numbers without an
 * exponent, and up to 15 characters are exact.
 */
function hasInexactNumber(json: string): boolean {
  if (!LONG_NUMBER.test(json)) return false;
  return [...json.matchAll(STRING_OR_NUMBER)].some(
    ([token]) => !token.startsWith('"') && !isExact(token),
  );
}

const LONG_NUMBER = /[-+.\d]{16}|\d[eE]/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[-+.eE\d]*/g;

function isExact(token: string): boolean {
  const value = Number(token);
  return Number.isFinite(value) && decimalOf(token) === decimalOf(String(value));
}

/** Returns a number as its significant digits and its exponent, equal for equal numbers. */
function decimalOf(token: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/.exec(token) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const shift = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${shift}`;
}

function parseDisclosure(disclosure: string): Json[] {
  const value = parseJson(decodeUtf8(decodeBase64Url(disclosure)));
  if (!Array.isArray(value) || value.length !== 3) throw new FormatError('not a disclosure');
  return value;
}

function digestOf(disclosure: string): string {
  return sha256(disclosure).toString('base64url');
}

function isDigests(value: Json | undefined): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((digest) => typeof digest === 'string');
}

function stringOf(value: Json | undefined): string {
  if (typeof value !== 'string') throw new FormatError('a member of the leaf is not a string');
  return value;
}

function stringOrNull(value: Json | undefined): string | null {
  return value === null ? null : stringOf(value);
}
