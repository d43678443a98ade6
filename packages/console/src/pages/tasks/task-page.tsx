import type { TaskDetail, WaitsFor } from '@agent-mesh/client';
import { Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { usePollInterval } from '../../api/live-context';
import { taskQuery, timelineQuery, treeQuery } from '../../api/queries';
import { BackLink } from '../../components/back-link';
import { ErrorPanel } from '../../components/error-panel';
import { Facts } from '../../components/facts';
import { PageTitle } from '../../components/page-title';
import { Payload } from '../../components/payload';
import { QueryResult } from '../../components/query-result';
import { RelativeTime } from '../../components/relative-time';
import { Section } from '../../components/section';
import { StaleNotice } from '../../components/stale-notice';
import { Status } from '../../components/status';
import { Subject } from '../../components/subject';
import { VisibleText } from '../../components/visible-text';
import { texts } from '../../texts';
import { Attempts } from './attempts';
import { RawJson } from './raw-json';
import { Subtasks } from './subtasks';
import { SwimLanes } from './swim-lanes';
import { TaskActions } from './task-actions';
import { TaskApprovals } from './task-approvals';
import classes from './task-page.module.css';

const t = texts.task;
const route = getRouteApi('/tasks/$id');

/** One task: its state, its course, its attempts, subtasks and approvals, and its control. */
export function TaskPage() {
  const { id } = route.useParams();
  const query = useQuery({ ...taskQuery(id), refetchInterval: usePollInterval() });
  return (
    <>
      <BackLink to="/tasks">{texts.pages.tasks}</BackLink>
      {query.data === undefined && <PageTitle>{t.title}</PageTitle>}
      <StaleNotice query={query} />
      <QueryResult query={query}>{(data) => <Details task={data} />}</QueryResult>
    </>
  );
}

function Details({ task }: { task: TaskDetail }) {
  const timeline = useQuery({ ...timelineQuery(task.id), refetchInterval: usePollInterval() });
  const tree = useQuery({ ...treeQuery(task.id), refetchInterval: usePollInterval() });
  const latest = task.attempts.find(({ id }) => id === task.session_id);
  const hasSubtasks = tree.data !== undefined && tree.data.children.length > 0;
  return (
    <>
      <header className={classes.header}>
        <Group justify="space-between" align="start" gap="sm">
          <Group gap="sm" align="center">
            <Title order={1} size="h2">
              <VisibleText text={task.description === '' ? task.task_type : task.description} />
            </Title>
            <Status of={task.status} />
          </Group>
          <TaskActions task={task} />
        </Group>
        <TaskFacts task={task} />
        {timeline.data?.waits_for.map((wait) => (
          <Waiting key={`${wait.what} ${wait.who}`} wait={wait} />
        ))}
      </header>
      <Stack gap="md">
        {latest?.error && (
          <Section title={t.error}>
            <pre className={classes.error}>
              <VisibleText text={latest.error} />
            </pre>
          </Section>
        )}
        {latest?.result && (
          <Section title={t.result}>
            <Payload value={latest.result} label={t.result} />
          </Section>
        )}
        <Section title={t.timeline}>
          {timeline.error && !timeline.data && (
            <ErrorPanel error={timeline.error} onRetry={() => void timeline.refetch()} />
          )}
          {timeline.data && <SwimLanes entries={timeline.data.events} />}
          {timeline.data?.complete === false && (
            <Text size="sm" c="dimmed">
              {t.partial}
            </Text>
          )}
        </Section>
        {task.approvals.length > 0 && <TaskApprovals approvals={task.approvals} />}
        <Attempts attempts={task.attempts} />
        {hasSubtasks && <Subtasks tree={tree.data} />}
        {Object.keys(task.data).length > 0 && (
          <Section title={t.data}>
            <Payload value={task.data} label={t.data} />
          </Section>
        )}
        <RawJson value={task} />
      </Stack>
    </>
  );
}

function TaskFacts({ task }: { task: TaskDetail }) {
  return (
    <Facts
      items={[
        [t.type, <bdi key="type">{task.task_type}</bdi>],
        [t.from, <bdi key="from">{task.from_role}</bdi>],
        [t.to, <bdi key="to">{task.to_role}</bdi>],
        [t.holder, task.claimed_by === null ? texts.none : <Subject of={task.claimed_by} />],
        [t.attempt, texts.tasks.attemptOf(task.attempt, task.max_attempts)],
        [t.priority, t.priorities[task.priority]],
        [t.routed, <RelativeTime key="at" at={task.created_at} />],
        ...(task.deadline_at === null
          ? []
          : [[t.deadline, <RelativeTime key="deadline" at={task.deadline_at} />] as const]),
        ...(task.parent_task_id === null
          ? []
          : [
              [
                t.parent,
                <Link key="parent" to="/tasks/$id" params={{ id: task.parent_task_id }}>
                  {t.parentLink}
                </Link>,
              ] as const,
            ]),
        [
          t.trace,
          <Link key="trace" to="/audit" search={{ trace_id: task.trace_id }}>
            {t.traceLink}
          </Link>,
        ],
      ]}
    />
  );
}

function Waiting({ wait: { what, who, since, approval_id } }: { wait: WaitsFor }) {
  return (
    <Text size="sm">
      {t.waits[what]} <bdi>{who}</bdi>, {t.since} <RelativeTime at={since} />
      {approval_id !== undefined && (
        <>
          {' '}
          <Link to="/approvals/$id" params={{ id: approval_id }}>
            {t.openApproval}
          </Link>
        </>
      )}
    </Text>
  );
}
