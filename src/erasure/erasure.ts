import { randomUUID } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { leafText, parseLeaf } from '../../packages/verify/src/leaf.js';
import { newId } from '../common/new-id.js';
import {
  type ErasableEvent,
  type ErasedEvent,
  ErasedEventsRepository,
} from './erased-events.repository.js';
import { type EmptiedRows, ErasedRowsRepository } from './erased-rows.repository.js';
import type { Erasure, ErasureSelection } from './erasure-selection.js';

/** What an erasure removed, or would remove. */
export interface ErasureReport {
  readonly events: number;
  /** Number of rows whose content is empty now. */
  readonly emptied: {
    readonly tasks: number;
    readonly sessions: number;
    readonly approvals: number;
  };
  /** The names that stand for the erased subjects. */
  readonly aliases: readonly string[];
  /** Number of values of subjects that were replaced in tables. */
  readonly replaced: number;
  /** Events of other subjects with the digest of an erased payload. */
  readonly digests: number;
}

/** An erasure cannot run. */
class ErasureError extends Error {}

/** Most ids of one `data_erased` event. */
const MAX_IDS = 500;

class DryRun extends Error {}

/**
 * Erases events, and subjects and content of the rows that belong to them, in one transaction, and records which. The
 * commitments of the events stay, so that the sealed log verifies as before.
 *
 * @throws NotOwnerError if the role does not own the audit log
 * @throws ErasureError if another erasure runs, events are archived, or nothing is selected
 */
export async function erase(dataSource: DataSource, erasure: Erasure): Promise<ErasureReport> {
  let report: ErasureReport | undefined;
  try {
    await dataSource.transaction(async (manager) => {
      report = await eraseWithin(manager, erasure);
      if (erasure.isDryRun) throw new DryRun();
    });
  } catch (error) {
    if (!(error instanceof DryRun)) throw error;
  }
  if (!report) throw new Error('the transaction has a report');
  return report;
}

async function eraseWithin(
  manager: EntityManager,
  { selection, reason }: Erasure,
): Promise<ErasureReport> {
  const repository = new ErasedEventsRepository(manager);
  const tables = new ErasedRowsRepository(manager);
  const by = await repository.getOwner();
  if (!(await repository.lock()))
    throw new ErasureError('Another erasure runs, or events are archived. Wait for the end.');
  await assertExists(repository, tables, selection);
  await repository.lockTables();

  const aliases = await aliasesOf(repository, tables, selection);
  const erased = new ErasedIds();
  for await (const events of repository.events(selection)) {
    await repository.eraseEvents(events.map(toErased));
    for (const { id, actor } of events) erased.add(aliases.get(actor), id);
  }
  const rows = selection.kind === 'events' ? NO_ROWS : await tables.empty(selection);
  let replaced = 0;
  for (const [subject, alias] of selection.kind === 'events' ? [] : aliases)
    replaced += await tables.replaceSubject(
      subject,
      alias,
      selection.kind === 'task' ? selection.task : undefined,
    );
  const { tasks, sessions, approvals } = rows;
  const report = {
    events: erased.count,
    emptied: {
      tasks: tasks.length,
      sessions: sessions.length,
      approvals: approvals.length,
    },
    aliases: [...aliases.values()],
    replaced,
    digests: await repository.countDigests(approvals),
  };
  if (report.events + replaced + tasks.length + sessions.length + approvals.length === 0)
    throw new ErasureError('Nothing to erase: no event and no row is selected.');
  await repository.record(explanations(erased, rows, { aliases: report.aliases, reason, by }));
  return report;
}

const NO_ROWS: EmptiedRows = { tasks: [], sessions: [], approvals: [], notes: [] };

async function assertExists(
  repository: ErasedEventsRepository,
  tables: ErasedRowsRepository,
  selection: ErasureSelection,
): Promise<void> {
  if (selection.kind === 'task' && !(await tables.hasTask(selection.task)))
    throw new ErasureError(`The task ${selection.task} does not exist.`);
  if (selection.kind !== 'events') return;
  const [unknown] = await repository.unknownEvents(selection.events);
  if (unknown !== undefined)
    throw new ErasureError(
      `The event ${unknown} does not exist, is archived, or is about the log and cannot be erased.`,
    );
}

/** Returns a new name for each erased subject. Erased single events have none. */
async function aliasesOf(
  repository: ErasedEventsRepository,
  tables: ErasedRowsRepository,
  selection: ErasureSelection,
): Promise<ReadonlyMap<string, string>> {
  if (selection.kind === 'events') return new Map();
  const subjects =
    selection.kind === 'subject' ? [selection.subject] : await tables.subjectsOf(selection.task);
  const last = await repository.lastNumber();
  return new Map(subjects.map((subject, index) => [subject, `erased#${last + index + 1}`]));
}

/** Returns an event without the parts that its leaf commits to. The facts stay. */
function toErased(event: ErasableEvent): ErasedEvent {
  const { sd, facts } = parseLeaf(leafText(event));
  return { id: event.id, erased: sd, metadata: facts };
}

/** The ids of erased events, by the name that stands for their actor. */
class ErasedIds {
  readonly byAlias = new Map<string | undefined, string[]>();
  count = 0;

  add(alias: string | undefined, id: string): void {
    const ids = this.byAlias.get(alias) ?? [];
    ids.push(id);
    this.byAlias.set(alias, ids);
    this.count += 1;
  }
}

/** Returns the `data_erased` events, each with at most 500 ids. */
function explanations(
  { byAlias }: ErasedIds,
  { tasks, sessions, approvals, notes }: EmptiedRows,
  { aliases, reason, by }: { aliases: readonly string[]; reason: string; by: string },
): object[] {
  const parts = [
    ...aliases.filter((alias) => !byAlias.has(alias)).map((alias) => ({ event_ids: [], alias })),
    ...[...byAlias].flatMap(([alias, ids]) =>
      chunks(ids).map((event_ids) => ({ event_ids, ...(alias !== undefined && { alias }) })),
    ),
    ...chunks(tasks).map((ids) => ({ event_ids: [], tasks: ids })),
    ...chunks(sessions).map((ids) => ({ event_ids: [], sessions: ids })),
    ...chunks(approvals).map((ids) => ({ event_ids: [], approvals: ids })),
    ...chunks(notes).map((ids) => ({ event_ids: [], notes: ids })),
  ];
  const trace_id = newId();
  return parts.map((part) => ({
    id: newId(),
    event_type: 'data_erased',
    role: 'system',
    actor: 'system',
    trace_id,
    metadata: { ...part, reason, by },
    salt: randomUUID(),
  }));
}

function chunks(ids: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let at = 0; at < ids.length; at += MAX_IDS) parts.push(ids.slice(at, at + MAX_IDS));
  return parts;
}
