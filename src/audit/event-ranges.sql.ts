import type { Agent } from '../auth/agent.js';
import { MAX_READ, type Ranges } from '../database/merged-ranges.js';
import { WhereClause } from '../database/where-clause.js';
import { type EventFilter, whereVisible } from './audit.repository.js';

/**
 * Returns the ranges of the indexes that contain the events of a filter after its cursor, oldest first.
 *
 * @param isReaderOfFew whether the caller can read fewer events than {@link MAX_READ}
 */
export function eventRanges(
  statement: WhereClause,
  filter: EventFilter,
  isReaderOfFew: boolean,
): Ranges[] {
  const { visibleTo, trace_id, task_id, role } = filter;
  if (trace_id !== undefined || task_id !== undefined) return [ofTrace(statement, filter)];
  if (visibleTo && (role === undefined || isReaderOfFew)) {
    const check = checkOf(new WhereClause(statement).and('e.role = ?', role));
    return readable(statement, filter, visibleTo).map((range) => ({ ...range, check }));
  }
  if (role !== undefined) return [actedBy(statement, filter, role)];
  return [{ select: select(EVENTS, andType(bounds(statement, filter), filter)) }];
}

/** Statement and parameters that determine whether an agent can read fewer events than {@link MAX_READ}. */
export function readsFew({ roles }: Agent): [text: string, parameters: unknown[]] {
  return [READS_FEW, [roles]];
}

/** The events that an agent can read. */
function readable(
  statement: WhereClause,
  filter: EventFilter,
  { roles, subject }: Agent,
): Ranges[] {
  const each = `unnest(${statement.bind(roles)}::text[]) AS k(role)`;
  const of = (table: Table, column: string): Ranges => {
    const where = bounds(statement, filter, table).and(`${column} = k.role`);
    return {
      each: `${each} CROSS JOIN ${eachType(statement, filter, table, column)}`,
      select: select(table, where.and(`${table.type} = v.type`)),
    };
  };
  const reported = bounds(statement, filter)
    .and('e.actor = ?', subject)
    .and(`e.event_type LIKE 'agent.%'`);
  return [
    of(EVENTS, 'e.from_role'),
    of(EVENTS, 'e.to_role'),
    of(READERS, 'p.role'),
    { select: select(EVENTS, andType(reported, filter)) },
  ];
}

/** FROM item of the event type of the filter, or of all types of events that the role `k` can read. */
function eachType(
  statement: WhereClause,
  { event_type }: EventFilter,
  { type, from }: Table,
  column: string,
): string {
  if (event_type !== undefined) return `(VALUES (${statement.bind(event_type)}::text)) AS v(type)`;
  const next = `SELECT min(${type}) FROM ${from} WHERE ${column} = k.role`;
  return `LATERAL (
    WITH RECURSIVE each (type) AS (
      ${next}
      UNION ALL
      SELECT (${next} AND ${type} > each.type) FROM each WHERE each.type IS NOT NULL
    )
    SELECT each.type FROM each WHERE each.type IS NOT NULL) AS v`;
}

/** The events of one trace or task: few, so they are read whole. */
function ofTrace(statement: WhereClause, filter: EventFilter): Ranges {
  const where = bounds(statement, filter)
    .and('e.trace_id = ?', filter.trace_id)
    .and('e.task_id = ?', filter.task_id);
  return {
    select: select(
      EVENTS,
      andType(whereVisible(where, filter.visibleTo), filter).and('e.role = ?', filter.role),
    ),
  };
}

interface Table {
  at: string;
  id: string;
  type: string;
  from: string;
}

const EVENTS: Table = {
  at: 'e.timestamp',
  id: 'e.id',
  type: 'e.event_type',
  from: 'audit_events e',
};
const READERS: Table = {
  at: 'p.timestamp',
  id: 'p.event_id',
  type: 'p.event_type',
  from: 'audit_event_readers p',
};

function select({ at, id, from }: Table, where: WhereClause): string {
  return `SELECT ${at} AS at, ${id} AS id FROM ${from} ${where.toString()}`;
}

function bounds(
  statement: WhereClause,
  { from, to, cursor }: EventFilter,
  { at, id }: Table = EVENTS,
): WhereClause {
  return new WhereClause(statement)
    .and(`${at} >= ?`, from)
    .and(`${at} < ?`, to)
    .and(`(${at}, ${id}) > (?::timestamptz, ?::uuid)`, cursor?.after.at, cursor?.after.id);
}

/** Adds the condition on the event type. */
function andType(where: WhereClause, { event_type }: EventFilter): WhereClause {
  return where.and('e.event_type = ?', event_type);
}

/** The events of one acting role, checked for the caller: a caller with many events is on many tasks of each role. */
function actedBy(statement: WhereClause, filter: EventFilter, role: string): Ranges {
  const { visibleTo } = filter;
  const where = bounds(statement, filter).and('e.role = ?', role);
  const terms = andType(new WhereClause(statement), filter);
  if (visibleTo) {
    const { roles, subject } = visibleTo;
    terms.and(IS_READER, roles, roles, roles, subject);
  }
  return { select: select(EVENTS, where), check: checkOf(terms) };
}

function checkOf(terms: WhereClause): string | undefined {
  if (terms.isEmpty) return undefined;
  return `SELECT ${terms.condition} FROM audit_events e WHERE e.id = r.id`;
}

/** Condition that an agent can read the event `e`, from its columns and the index of its readers. */
const IS_READER = `(
  e.from_role = ANY(?) OR e.to_role = ANY(?)
  OR coalesce((SELECT true FROM audit_event_readers p
                WHERE p.role = ANY(?) AND p.event_type = e.event_type AND p.timestamp = e.timestamp
                  AND p.event_id = e.id LIMIT 1), false)
  OR (e.actor = ? AND e.event_type LIKE 'agent.%'))`;

/** Counts entries of the indexes: the order keeps PostgreSQL from a scan of the table. */
function countOf({ from, type }: Table, column: string): string {
  return `SELECT 1 FROM unnest($1::text[]) AS k(role) CROSS JOIN LATERAL (
            SELECT 1 FROM ${from} WHERE ${column} = k.role ORDER BY ${type} LIMIT ${MAX_READ}) x`;
}

const READS_FEW = `
  SELECT count(*) < ${MAX_READ} AS is_reader_of_few FROM (
    SELECT 1 FROM (
      ${countOf(EVENTS, 'e.from_role')} UNION ALL
      ${countOf(EVENTS, 'e.to_role')} UNION ALL
      ${countOf(READERS, 'p.role')}) u LIMIT ${MAX_READ}) c`;
