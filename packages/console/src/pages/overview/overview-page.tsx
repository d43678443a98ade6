import { Stack, Text } from '@mantine/core';
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
import { type Overview, overviewQuery, type RoleQueue } from './overview-query';

const t = texts.overview;
/** Milliseconds after which the numbers are read again. They need many requests, so events do not cause it. */
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
        {overview.routed.isPartial && (
          <Text size="sm" c="dimmed" mt="xs">
            {t.partial(overview.routed.value)}
          </Text>
        )}
      </Section>
      <Section title={t.queues}>
        {overview.queues.length === 0 ? (
          <EmptyState title={t.noQueues} />
        ) : (
          <DataTable
            label={t.queues}
            columns={COLUMNS}
            rows={overview.queues}
            keyOf={({ role }) => role}
          />
        )}
      </Section>
    </Stack>
  );
}

const COLUMNS: readonly Column<RoleQueue>[] = [
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
        {pending}
      </Link>
    ),
  },
  {
    header: t.columns.oldest,
    width: '10rem',
    cell: ({ oldest }) => (oldest === undefined ? texts.none : <RelativeTime at={oldest} />),
  },
  {
    header: t.columns.active,
    width: '8rem',
    cell: ({ role, active }) => (
      <Link to="/tasks" search={{ to_role: role, status: 'active' }}>
        {active}
      </Link>
    ),
  },
  {
    header: t.columns.approvals,
    width: '10rem',
    cell: ({ role, approvals }) => (
      <Link to="/approvals" search={{ view: 'all', status: 'pending', approver_role: role }}>
        {approvals}
      </Link>
    ),
  },
];
