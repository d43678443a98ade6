import type { Approval } from '@agent-mesh/client';
import { Group, NativeSelect, SegmentedControl, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { usePollInterval } from '../../api/live-context';
import { approvalsQuery, MAX_WAITING, waitingQuery } from '../../api/queries';
import { useWorkRoles } from '../../auth/use-session';
import { type Column, DataTable, rowLink } from '../../components/data-table';
import { EmptyState } from '../../components/empty-state';
import { QueryResult } from '../../components/query-result';
import { PagedTable } from '../../components/paged-table';
import { PageTitle } from '../../components/page-title';
import { RelativeTime } from '../../components/relative-time';
import { oneOf } from '../../components/search';
import { StaleNotice } from '../../components/stale-notice';
import { Status } from '../../components/status';
import { VisibleText } from '../../components/visible-text';
import { texts } from '../../texts';
import { Expiry } from './expiry';

const t = texts.approvals;
const route = getRouteApi('/approvals');
const VIEWS = ['waiting', 'asked', 'all'] as const;
type View = (typeof VIEWS)[number];
const isView = (text: string | undefined): text is View => VIEWS.some((view) => view === text);

export function ApprovalsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const view = isView(search.view) ? search.view : 'waiting';
  return (
    <>
      <PageTitle
        actions={
          <SegmentedControl
            aria-label={t.view}
            value={view}
            onChange={(next) => void navigate({ search: next === 'waiting' ? {} : { view: next } })}
            data={VIEWS.map((value) => ({ value, label: t.views[value] }))}
          />
        }
      >
        {texts.pages.approvals}
      </PageTitle>
      {view === 'waiting' ? <Waiting /> : <Listed asked={view === 'asked'} />}
    </>
  );
}

/** The approvals that the person can decide now, soonest to expire first. */
function Waiting() {
  const roles = useWorkRoles();
  const query = useQuery({ ...waitingQuery, refetchInterval: usePollInterval() });
  return (
    <>
      <StaleNotice query={query} />
      <QueryResult query={query}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState title={t.noneWaiting}>{t.noneWaitingHint(roles.join(', '))}</EmptyState>
          ) : (
            <>
              <DataTable
                label={t.views.waiting}
                columns={WAITING}
                rows={rows}
                keyOf={({ id }) => id}
              />
              {rows.length === MAX_WAITING && (
                <Text size="sm" c="dimmed" mt="sm">
                  {t.partial(MAX_WAITING)}
                </Text>
              )}
            </>
          )
        }
      </QueryResult>
    </>
  );
}

function Listed({ asked }: { asked: boolean }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const status = oneOf(t.statusOrder, search.status);
  const query = useInfiniteQuery({
    ...approvalsQuery({
      status,
      approver_role: search.approver_role,
      ...(asked && { asked_by: 'me' }),
    }),
    refetchInterval: usePollInterval(),
  });
  return (
    <>
      <Group mb="md">
        <NativeSelect
          label={t.status}
          value={status ?? ''}
          onChange={({ currentTarget: { value } }) =>
            void navigate({ search: { ...search, status: value === '' ? undefined : value } })
          }
          data={[
            { value: '', label: t.anyStatus },
            ...t.statusOrder.map((value) => ({ value, label: texts.statuses[value] ?? value })),
          ]}
        />
      </Group>
      <PagedTable
        query={query}
        label={t.views[asked ? 'asked' : 'all']}
        columns={LISTED}
        rowsOf={({ approvals }) => approvals}
        empty={<EmptyState title={t.none}>{t.noneHint}</EmptyState>}
      />
    </>
  );
}

const REQUEST: Column<Approval> = {
  header: t.columns.request,
  width: 'minmax(0, 1fr)',
  cell: ({ id, task, reason }) => (
    <>
      <Link to="/approvals/$id" params={{ id }} className={rowLink}>
        <VisibleText text={task.description === '' ? task.task_type : task.description} />
      </Link>
      <Text size="sm" c="dimmed" lineClamp={1}>
        <VisibleText text={reason === '' ? task.task_type : reason} />
      </Text>
    </>
  ),
};

const FROM: Column<Approval> = {
  header: t.columns.from,
  width: '8rem',
  cell: ({ requested_role }) => <bdi>{requested_role ?? texts.none}</bdi>,
};

const ROLE: Column<Approval> = {
  header: t.columns.role,
  width: '8rem',
  cell: ({ approver_role }) => <bdi>{approver_role}</bdi>,
};

const VOTES: Column<Approval> = {
  header: t.columns.votes,
  width: '6rem',
  cell: ({ votes, quorum }) => t.votesOf(votes, quorum),
};

const WAITING: readonly Column<Approval>[] = [
  REQUEST,
  FROM,
  ROLE,
  VOTES,
  {
    header: t.columns.expires,
    width: '9rem',
    cell: ({ expires_at }) => <Expiry at={expires_at} />,
  },
];

const LISTED: readonly Column<Approval>[] = [
  REQUEST,
  FROM,
  ROLE,
  { header: t.columns.status, width: '8rem', cell: ({ status }) => <Status of={status} /> },
  {
    header: t.columns.requested,
    width: '9rem',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
];
