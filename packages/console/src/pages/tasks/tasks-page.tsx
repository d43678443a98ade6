import type { Task } from '@agent-mesh/client';
import { Group, NativeSelect, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { usePollInterval } from '../../api/live-context';
import { tasksQuery } from '../../api/queries';
import { useWorkRoles } from '../../auth/use-session';
import { type Column, rowLink } from '../../components/data-table';
import { EmptyState } from '../../components/empty-state';
import { PagedTable } from '../../components/paged-table';
import { Filters } from '../../components/filters';
import { FilterInput } from '../../components/filter-input';
import { PageTitle } from '../../components/page-title';
import { RelativeTime } from '../../components/relative-time';
import { oneOf } from '../../components/search';
import { Status } from '../../components/status';
import { Subject } from '../../components/subject';
import { VisibleText } from '../../components/visible-text';
import { texts } from '../../texts';

const t = texts.tasks;
const route = getRouteApi('/tasks');

/** The tasks that the person may see, newest first, and those that its roles can claim. */
export function TasksPage() {
  const { status, ...filter } = route.useSearch();
  const query = useInfiniteQuery({
    ...tasksQuery({ ...filter, status: oneOf(t.statusOrder, status) }),
    refetchInterval: usePollInterval(),
  });
  return (
    <>
      <PageTitle actions={<InboxLinks />}>{texts.pages.tasks}</PageTitle>
      <TaskFilters />
      <PagedTable
        query={query}
        label={texts.pages.tasks}
        columns={COLUMNS}
        rowsOf={({ tasks }) => tasks}
        empty={<EmptyState title={t.none}>{t.noneHint}</EmptyState>}
      />
    </>
  );
}

/** Links to the inbox of each role of the person: the tasks that an agent can claim. */
function InboxLinks() {
  const roles = useWorkRoles();
  return (
    <Group gap="md">
      {roles.map((role) => (
        <Link key={role} to="/tasks" search={{ to_role: role, status: 'pending' }}>
          {t.inbox(role)}
        </Link>
      ))}
      <Link to="/tasks" search={{}}>
        {t.all}
      </Link>
    </Group>
  );
}

const TEXT_FILTERS = ['to_role', 'from_role', 'task_type', 'trace_id'] as const;

function TaskFilters() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = (name: keyof typeof search, value: string): void => {
    void navigate({
      search: { ...search, [name]: value === '' ? undefined : value },
      replace: true,
    });
  };
  return (
    <Filters>
      <NativeSelect
        label={t.status}
        size="sm"
        value={search.status ?? ''}
        onChange={({ currentTarget: { value } }) => {
          change('status', value);
        }}
        data={[
          { value: '', label: texts.approvals.anyStatus },
          ...t.statusOrder.map((value) => ({ value, label: texts.statuses[value] ?? value })),
        ]}
      />
      {TEXT_FILTERS.map((name) => (
        <FilterInput
          key={name}
          label={t.filters[name]}
          value={search[name] ?? ''}
          onChange={(value) => {
            change(name, value);
          }}
        />
      ))}
    </Filters>
  );
}

const COLUMNS: readonly Column<Task>[] = [
  {
    header: t.columns.task,
    width: 'minmax(0, 1fr)',
    cell: ({ id, task_type, description }) => (
      <>
        <Link to="/tasks/$id" params={{ id }} className={rowLink}>
          <VisibleText text={description === '' ? task_type : description} />
        </Link>
        <Text size="sm" c="dimmed">
          <bdi>{task_type}</bdi>
        </Text>
      </>
    ),
  },
  {
    header: t.columns.roles,
    width: '13rem',
    cell: ({ from_role, to_role }) => (
      <>
        <bdi>{from_role}</bdi> → <bdi>{to_role}</bdi>
      </>
    ),
  },
  { header: t.columns.status, width: '7.5rem', cell: ({ status }) => <Status of={status} /> },
  {
    header: t.columns.holder,
    width: '9rem',
    cell: ({ claimed_by }) => (claimed_by === null ? texts.none : <Subject of={claimed_by} />),
  },
  {
    header: t.columns.attempt,
    width: '5rem',
    cell: ({ attempt, max_attempts }) => t.attemptOf(attempt, max_attempts),
  },
  {
    header: t.columns.routed,
    width: '8rem',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
];
