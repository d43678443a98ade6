import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { read } from './client';
import type {
  Approval,
  ApprovalPage,
  AuditPage,
  TaskDetail,
  TaskNode,
  TaskPage,
  Timeline,
} from './types';

/** The first part of the key of each query. The live updates invalidate queries by it. */
export const KEYS = {
  approvals: 'approvals',
  approval: 'approval',
  tasks: 'tasks',
  task: 'task',
  audit: 'audit',
  overview: 'overview',
  admin: 'admin',
} as const;

const PAGE_SIZE = 50;
/** The largest page of the API. */
const LARGE_PAGE = 100;
/** Approvals that wait for one person; more are not read. */
const MAX_WAITING = 500;

/** Ids in links can have a prefix, such as `approval-<uuid>`. */
const uuidOf = (id: string): string => id.replace(/^(approval|task)-/, '');

/** All approvals that the person can decide now, soonest to expire first. */
export const waitingQuery = queryOptions({
  queryKey: [KEYS.approvals, 'waiting'],
  queryFn: async ({ signal }): Promise<Approval[]> => {
    const approvals: Approval[] = [];
    let cursor: string | undefined;
    do {
      const query = { waiting_for: 'me', page_size: LARGE_PAGE, cursor };
      const page = await read<ApprovalPage>('/approvals', query, signal);
      approvals.push(...page.approvals);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && approvals.length < MAX_WAITING);
    return approvals.sort(bySoonestExpiry);
  },
});

function bySoonestExpiry(one: Approval, other: Approval): number {
  const [first, second] = [one.expires_at ?? '9', other.expires_at ?? '9'];
  return first.localeCompare(second) || one.created_at.localeCompare(other.created_at);
}

export interface ApprovalFilter {
  asked_by?: 'me';
  status?: string;
  approver_role?: string;
}

export const approvalsQuery = (filter: ApprovalFilter) =>
  infiniteQueryOptions({
    queryKey: [KEYS.approvals, 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      read<ApprovalPage>(
        '/approvals',
        { ...filter, page_size: PAGE_SIZE, cursor: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });

export const approvalQuery = (id: string) =>
  queryOptions({
    queryKey: [KEYS.approval, uuidOf(id)],
    queryFn: ({ signal }) => read<Approval>(`/approvals/${encodeURIComponent(id)}`, {}, signal),
  });

/** Whether the person can decide an approval now. */
export const mayDecideQuery = ({ id, task_id }: Pick<Approval, 'id' | 'task_id'>) =>
  queryOptions({
    queryKey: [KEYS.approval, id, 'may-decide'],
    queryFn: async ({ signal }) => {
      const query = { waiting_for: 'me', task_id, page_size: LARGE_PAGE };
      const { approvals } = await read<ApprovalPage>('/approvals', query, signal);
      return approvals.some((approval) => approval.id === id);
    },
  });

export interface TaskFilter {
  to_role?: string;
  from_role?: string;
  status?: string;
  task_type?: string;
  trace_id?: string;
}

export const tasksQuery = (filter: TaskFilter) =>
  infiniteQueryOptions({
    queryKey: [KEYS.tasks, filter],
    queryFn: ({ pageParam, signal }) =>
      read<TaskPage>('/tasks', { ...filter, page_size: PAGE_SIZE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: [KEYS.task, uuidOf(id)],
    queryFn: ({ signal }) => read<TaskDetail>(`/tasks/${encodeURIComponent(id)}`, {}, signal),
  });

export const timelineQuery = (id: string) =>
  queryOptions({
    queryKey: [KEYS.task, uuidOf(id), 'timeline'],
    queryFn: ({ signal }) =>
      read<Timeline>(`/tasks/${encodeURIComponent(id)}/timeline`, {}, signal),
  });

export const treeQuery = (id: string) =>
  queryOptions({
    queryKey: [KEYS.task, uuidOf(id), 'tree'],
    queryFn: ({ signal }) => read<TaskNode>(`/tasks/${encodeURIComponent(id)}/tree`, {}, signal),
  });

export interface AuditFilter {
  event_type?: string;
  role?: string;
  task_id?: string;
  trace_id?: string;
  from?: string;
  to?: string;
}

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: [KEYS.audit, filter],
    queryFn: ({ pageParam, signal }) =>
      read<AuditPage>(
        '/audit/events',
        { ...filter, page_size: PAGE_SIZE, cursor: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
