import { queryOptions } from '@tanstack/react-query';
import { read } from '../../api/client';
import { KEYS } from '../../api/queries';
import type { ApprovalPage, AuditEvent, AuditPage, Task, TaskPage } from '../../api/types';

const LARGE_PAGE = 100;
/** Pages of one list that are read; a longer list is counted in part. */
const MAX_PAGES = 5;
const HOURS = 24;
const HOUR_MS = 3_600_000;

/** What was read of a list. */
interface Items<Item> {
  readonly items: readonly Item[];
  /** Whether the list is longer. */
  readonly isPartial: boolean;
}

/** A number, which can be a lower bound. */
export interface Count {
  readonly value: number;
  readonly isPartial: boolean;
}

export interface RoleQueue {
  readonly role: string;
  readonly pending: number;
  readonly active: number;
  readonly approvals: number;
  /** When the oldest pending task of the role was routed. */
  readonly oldest: string | undefined;
}

export interface HourCount {
  readonly start: string;
  readonly count: number;
}

export interface Overview {
  readonly queues: readonly RoleQueue[];
  readonly pending: Count;
  readonly active: Count;
  readonly approvals: Count;
  readonly dead: Count;
  readonly routed: Count;
  /** Routed tasks of each hour, oldest hour first. */
  readonly hours: readonly HourCount[];
  readonly decided: Count;
  /** Median of the seconds from a request to its decision. */
  readonly medianSeconds: number | undefined;
  readonly leasesLost: Count;
}

/** The tasks and approvals that the person may see, and the events of the last 24 hours. */
export const overviewQuery = queryOptions({
  queryKey: [KEYS.overview],
  staleTime: 10_000,
  queryFn: async ({ signal }): Promise<Overview> => {
    const start = Math.floor(Date.now() / HOUR_MS - HOURS + 1) * HOUR_MS;
    const from = new Date(start).toISOString();
    const tasks = (status: string) =>
      readAll((query) => read<TaskPage>('/tasks', { ...query, status }, signal), tasksOf);
    const events = (event_type: string) =>
      readAll(
        (query) => read<AuditPage>('/audit/events', { ...query, event_type, from }, signal),
        eventsOf,
      );
    const approvals = readAll(
      (query) => read<ApprovalPage>('/approvals', { ...query, status: 'pending' }, signal),
      (page: ApprovalPage) => page.approvals,
    );
    const [pending, active, dead, waiting, routed, decided, moved] = await Promise.all([
      tasks('pending'),
      tasks('active'),
      tasks('dead'),
      approvals,
      events('task_routed'),
      events('approval_decided'),
      events('session_transitioned'),
    ]);
    const lost = moved.items.filter(({ metadata }) => metadata.reason === 'lease_lost').length;
    return {
      queues: queuesOf(
        pending.items,
        active.items,
        waiting.items.map(({ approver_role }) => approver_role),
      ),
      pending: countOf(pending),
      active: countOf(active),
      approvals: countOf(waiting),
      dead: countOf(dead),
      routed: countOf(routed),
      hours: hoursOf(routed.items, start),
      decided: countOf(decided),
      medianSeconds: medianOf(
        decided.items.map(({ metadata }) => Number(metadata.pending_seconds)),
      ),
      leasesLost: { value: lost, isPartial: moved.isPartial },
    };
  },
});

const tasksOf = ({ tasks }: TaskPage): Task[] => tasks;
const eventsOf = ({ events }: AuditPage): AuditEvent[] => events;
const countOf = ({ items, isPartial }: Items<unknown>): Count => ({
  value: items.length,
  isPartial,
});

async function readAll<Page extends { next_cursor: string | null }, Item>(
  readPage: (query: { page_size: number; cursor: string | undefined }) => Promise<Page>,
  itemsOf: (page: Page) => readonly Item[],
): Promise<Items<Item>> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const page = await readPage({ page_size: LARGE_PAGE, cursor });
    items.push(...itemsOf(page));
    if (page.next_cursor === null) return { items, isPartial: false };
    cursor = page.next_cursor;
  }
  return { items, isPartial: true };
}

/** Counts the open tasks and approvals of each role, fullest first. */
function queuesOf(
  pending: readonly Task[],
  active: readonly Task[],
  approvers: readonly string[],
): RoleQueue[] {
  const roles = new Set([...[...pending, ...active].map(({ to_role }) => to_role), ...approvers]);
  return [...roles]
    .map((role) => {
      const waiting = pending.filter(({ to_role }) => to_role === role);
      return {
        role,
        pending: waiting.length,
        active: active.filter(({ to_role }) => to_role === role).length,
        approvals: approvers.filter((approver) => approver === role).length,
        oldest: waiting.map(({ created_at }) => created_at).sort()[0],
      };
    })
    .sort((one, other) => other.pending + other.approvals - one.pending - one.approvals);
}

function hoursOf(events: readonly AuditEvent[], start: number): HourCount[] {
  const counts = Array.from({ length: HOURS }, () => 0);
  for (const { timestamp } of events) {
    const hour = Math.floor((new Date(timestamp).getTime() - start) / HOUR_MS);
    counts[hour] = (counts[hour] ?? 0) + 1;
  }
  return counts.slice(0, HOURS).map((count, hour) => ({
    start: new Date(start + hour * HOUR_MS).toISOString(),
    count,
  }));
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.filter(Number.isFinite).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}
