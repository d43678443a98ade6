import type { DataSource, EntityManager } from 'typeorm';
import type { LogEntry, MissingEvent } from './log-entry.js';
import { replayEvent } from './replay-events.js';
import { type Finding, ReplayState } from './replay-state.js';
import { type ArchivedRange, ReplayRepository, type ReplayedTable } from './replay.repository.js';
import { TableComparison } from './table-comparison.js';

/** The result of a replay. */
export interface ReplayReport {
  readonly events: number;
  /** Number of entries that are archived, whose events were not replayed. */
  readonly archived: number;
  /** Rows of each table that were compared, and rows that a version without facts recorded. */
  readonly tables: Readonly<Record<ReplayedTable, { compared: number; old: number }>>;
  /** The first 1,000 findings. */
  readonly findings: readonly Finding[];
  readonly count: number;
}

/**
 * Replays the audit log and compares the result with the tables, in one snapshot. Changes nothing.
 *
 * The memory that it needs is proportional to the number of tasks, sessions, approvals and votes.
 */
export function replayLog(dataSource: DataSource): Promise<ReplayReport> {
  return dataSource.transaction('REPEATABLE READ', replayWithin);
}

/** Like {@link replayLog}, in a transaction of the caller, which is read-only from then on. */
export async function replayWithin(manager: EntityManager): Promise<ReplayReport> {
  const repository = new ReplayRepository(manager);
  await repository.begin();
  const state = new ReplayState();
  const { ranges, until } = await repository.archive();
  const { events, firstAt } = await replayEvents(state, repository, ranges);
  // Rows up to the latest archived event can be without events.
  const beganAt = until !== null && until >= firstAt ? after(until) : firstAt;
  const compare = async (table: ReplayedTable) => {
    const comparison = new TableComparison(table, state, beganAt);
    for await (const row of repository.rows(table)) comparison.add(row);
    comparison.end();
    const { compared, old } = comparison;
    return { compared, old };
  };
  const tables = {
    tasks: await compare('tasks'),
    sessions: await compare('sessions'),
    approvals: await compare('approvals'),
    approval_votes: await compare('approval_votes'),
    vote_renewals: await compare('vote_renewals'),
  };
  const archived = ranges.reduce((sum, { from, to }) => sum + to + 1 - from, 0);
  return { events, archived, tables, findings: state.findings.list, count: state.findings.count };
}

/** Later than all times. */
const NEVER = '9999';

async function replayEvents(
  state: ReplayState,
  repository: ReplayRepository,
  archived: readonly ArchivedRange[],
): Promise<{ events: number; firstAt: string }> {
  let events = 0;
  let firstAt = NEVER;
  let next = 0;
  const aliases = await repository.aliases();
  for await (const event of repository.events()) {
    events += 1;
    next = assertPosition(state, event, next, archived);
    if (event.event_type === null) continue;
    // Only an erased event has no salt.
    if (event.salt === null) event.actor = aliases.get(event.id);
    const { began } = event.metadata;
    const at = typeof began === 'string' ? began : event.at;
    if (replayEvent(state, event) && at < firstAt) firstAt = at;
  }
  return { events, firstAt };
}

/**
 * Finds entries that are missing: without their event, or without a position. Returns the place of the next event. Archived
 * entries are not missing. The ranges ascend.
 */
function assertPosition(
  { findings }: ReplayState,
  { entry, event_type }: LogEntry | MissingEvent,
  next: number,
  archived: readonly ArchivedRange[],
): number {
  if (entry === null) return next;
  const expected = archived.reduce(
    (place, { from, to }) => (place >= from && place <= to ? Math.min(to + 1, entry) : place),
    next,
  );
  if (entry > expected)
    findings.add(`entries ${expected} to ${entry - 1}: the log has no such positions`, expected);
  if (event_type === null) findings.add('the event is missing', entry);
  return entry + 1;
}

/** Returns the text of the time a millisecond later. */
function after(time: string): string {
  return new Date(Date.parse(time) + 1).toISOString();
}
