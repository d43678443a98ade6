import type { Approval, ApprovalFilter, AuditFilter, TaskFilter } from '@agent-mesh/client';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { mesh } from './mesh';

/** The first part of the key of each query. The live updates invalidate queries by it. */
export const KEYS = {
  approvals: 'approvals',
  approval: 'approval',
  tasks: 'tasks',
  task: 'task',
  audit: 'audit',
  seal: 'seal',
  overview: 'overview',
  admin: 'admin',
} as const;

const PAGE_SIZE = 50;
/** The largest page of the API. */
const LARGE_PAGE = 100;
/** Approvals that wait for one person; more are not read. */
export const MAX_WAITING = 500;

/** Ids in links can have a prefix, such as `approval-<uuid>`. */
const uuidOf = (id: string): string => id.replace(/^(approval|task)-/, '');

/** The number of approvals that the person can decide now. */
export const waitingCountQuery = queryOptions({
  queryKey: [KEYS.approvals, 'waiting-count'],
  queryFn: ({ signal }) => mesh.waiting({ signal }),
});

/** The cursors of the first page of a list and of each next one. */
const PAGES = {
  initialPageParam: undefined as string | undefined,
  getNextPageParam: ({ next_cursor }: { next_cursor: string | null }) => next_cursor ?? undefined,
};

/** The approvals that the person can decide now, soonest to expire first. */
export const waitingQuery = queryOptions({
  queryKey: [KEYS.approvals, 'waiting'],
  queryFn: async ({ signal }) => {
    const filter = { waiting_for: 'me', page_size: LARGE_PAGE } as const;
    const approvals = await mesh.approvals.list(filter, { signal }).all(MAX_WAITING);
    return approvals.sort(bySoonestExpiry);
  },
});

function bySoonestExpiry(one: Approval, other: Approval): number {
  const [first, second] = [one.expires_at ?? '9', other.expires_at ?? '9'];
  return first.localeCompare(second) || one.created_at.localeCompare(other.created_at);
}

export const approvalsQuery = (filter: ApprovalFilter) =>
  infiniteQueryOptions({
    queryKey: [KEYS.approvals, 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      mesh.approvals.list({ ...filter, page_size: PAGE_SIZE }, { signal }).page(pageParam),
    ...PAGES,
  });

export const approvalQuery = (id: string) =>
  queryOptions({
    queryKey: [KEYS.approval, uuidOf(id)],
    queryFn: ({ signal }) => mesh.approvals.get(id, { signal }),
  });

/** Whether the person can decide an approval now. */
export const mayDecideQuery = ({ id, task_id }: { id: string; task_id: string }) =>
  queryOptions({
    queryKey: [KEYS.approval, id, 'may-decide'],
    queryFn: async ({ signal }) => {
      const filter = { waiting_for: 'me', task_id, page_size: LARGE_PAGE } as const;
      const { approvals } = await mesh.approvals.list(filter, { signal }).page();
      return approvals.some((approval) => approval.id === id);
    },
  });

export const tasksQuery = (filter: TaskFilter) =>
  infiniteQueryOptions({
    queryKey: [KEYS.tasks, filter],
    queryFn: ({ pageParam, signal }) =>
      mesh.tasks.list({ ...filter, page_size: PAGE_SIZE }, { signal }).page(pageParam),
    ...PAGES,
  });

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: [KEYS.task, uuidOf(id)],
    queryFn: ({ signal }) => mesh.tasks.get(id, { signal }),
  });

export const timelineQuery = (id: string) =>
  queryOptions({
    queryKey: [KEYS.task, uuidOf(id), 'timeline'],
    queryFn: ({ signal }) => mesh.tasks.timeline(id, { signal }),
  });

export const treeQuery = (id: string) =>
  queryOptions({
    queryKey: [KEYS.task, uuidOf(id), 'tree'],
    queryFn: ({ signal }) => mesh.tasks.tree(id, { signal }),
  });

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: [KEYS.audit, filter],
    queryFn: ({ pageParam, signal }) =>
      mesh.audit.events({ ...filter, page_size: PAGE_SIZE }, { signal }).page(pageParam),
    ...PAGES,
  });
