import type { Ranges } from '../database/merged-ranges.js';
import { WhereClause } from '../database/where-clause.js';
import { type EventFilter, whereVisible } from './audit.repository.js';

/** Returns the ranges of the indexes that contain the events of a filter after its cursor, oldest first. */
export function eventRanges(statement: WhereClause, filter: EventFilter): Ranges[] {
  const { visibleTo, trace_id, task_id } = filter;
  if (trace_id !== undefined || task_id !== undefined) return [ofTrace(statement, filter)];
  if (!visibleTo)
    return [{ select: select(EVENTS, andColumns(bounds(statement, filter), filter)) }];
  if (filter.role !== undefined) return [actedBy(statement, filter, filter.role)];
  const roles = `unnest(${statement.bind(visibleTo.roles)}::text[]) AS k(role)`;
  const of = (table: Table, column: string): Ranges => {
    const where = bounds(statement, filter, table).and(`${column} = k.role`);
    return {
      each: `${roles} CROSS JOIN ${eachType(statement, filter, table, column)}`,
      select: select(table, where.and(`${table.type} = v.type`)),
    };
  };
  const reported = bounds(statement, filter)
    .and('e.actor = ?', visibleTo.subject)
    .and(`e.event_type LIKE 'agent.%'`);
  return [
    of(EVENTS, 'e.from_role'),
    of(EVENTS, 'e.to_role'),
    of(READERS, 'p.role'),
    { select: select(EVENTS, andColumns(reported, filter)) },
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
  return { select: select(EVENTS, andColumns(whereVisible(where, filter.visibleTo), filter)) };
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

/** Adds the conditions on columns of the event. */
function andColumns(where: WhereClause, { event_type, role }: EventFilter): WhereClause {
  return where.and('e.event_type = ?', event_type).and('e.role = ?', role);
}

/** The events of one acting role, of which the caller can read some. */
function actedBy(statement: WhereClause, filter: EventFilter, role: string): Ranges {
  const isReadable = whereVisible(new WhereClause(statement).and('e.id = r.id'), filter.visibleTo);
  const { event_type } = filter;
  return {
    select: select(EVENTS, bounds(statement, filter).and('e.role = ?', role)),
    check: `SELECT true FROM audit_events e ${isReadable.and('e.event_type = ?', event_type).toString()}`,
  };
}
