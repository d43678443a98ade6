import type { Overview, RoleQueue } from '@agent-mesh/client';
import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { usePollInterval } from '../../api/live-context';
import { type Column, DataTable, rowLink } from '../../components/data-table';
import { EmptyState } from '../../components/empty-state';
import { PageTitle } from '../../components/page-title';
import { QueryResult } from '../../components/query-result';
import { RelativeTime } from '../../components/relative-time';
import { Section } from '../../components/section';
import { StaleNotice } from '../../components/stale-notice';
import { texts } from '../../texts';
import { Figures } from './figures';
import { HourChart } from './hour-chart';
import { countText } from './count-text';
import { overviewQuery } from './overview-query';

const t = texts.overview;
/** Milliseconds after which the numbers are read again. Events do not cause it: the controller counts them all. */
const REFRESH_MS = 30_000;

/** The state of the work that the person may see. Each number links to its list. */
export function OverviewPage() {
  const poll = usePollInterval();
  const query = useQuery({ ...overviewQuery, refetchInterval: poll === false ? REFRESH_MS : poll });
  return (
    <>
      <PageTitle>{texts.pages.overview}</PageTitle>
      <StaleNotice query={query} />
      <QueryResult query={query}>{(data) => <Content overview={data} />}</QueryResult>
    </>
  );
}

function Content({ overview }: { overview: Overview }) {
  return (
    <Stack gap="md">
      <Figures overview={overview} />
      <Section title={t.routedPerHour}>
        <HourChart hours={overview.hours} />
      </Section>
      <Section title={t.queues}>
        {overview.roles.length === 0 ? (
          <EmptyState title={t.noQueues} />
        ) : (
          <DataTable
            label={t.queues}
            columns={columnsOf(overview.counted_to)}
            rows={overview.roles}
            keyOf={({ role }) => role}
          />
        )}
      </Section>
    </Stack>
  );
}

const columnsOf = (countedTo: number): readonly Column<RoleQueue>[] => [
  {
    header: t.columns.role,
    width: 'minmax(0, 1fr)',
    cell: ({ role }) => (
      <Link to="/tasks" search={{ to_role: role, status: 'pending' }} className={rowLink}>
        <bdi>{role}</bdi>
      </Link>
    ),
  },
  {
    header: t.columns.pending,
    width: '8rem',
    cell: ({ role, pending }) => (
      <Link to="/tasks" search={{ to_role: role, status: 'pending' }}>
        {countText(pending, countedTo)}
      </Link>
    ),
  },
  {
    header: t.columns.oldest,
    width: '10rem',
    cell: ({ oldest_pending_at: at }) => (at === null ? texts.none : <RelativeTime at={at} />),
  },
  {
    header: t.columns.active,
    width: '8rem',
    cell: ({ role, active }) => (
      <Link to="/tasks" search={{ to_role: role, status: 'active' }}>
        {countText(active, countedTo)}
      </Link>
    ),
  },
  {
    header: t.columns.approvals,
    width: '10rem',
    cell: ({ role, approvals }) => (
      <Link to="/approvals" search={{ view: 'all', status: 'pending', approver_role: role }}>
        {countText(approvals, countedTo)}
      </Link>
    ),
  },
];
