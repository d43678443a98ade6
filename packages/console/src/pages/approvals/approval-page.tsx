import type { Approval } from '@agent-mesh/client';
import { Alert, Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { usePollInterval } from '../../api/live-context';
import { approvalQuery, timelineQuery } from '../../api/queries';
import { BackLink } from '../../components/back-link';
import { Digest } from '../../components/digest';
import { Facts } from '../../components/facts';
import { History } from '../../components/history';
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
import { DecisionPanel } from './decision-panel';
import { EarlierDecisions } from './earlier-decisions';
import { Expiry } from './expiry';
import { Stages } from './stages';
import classes from './approval-page.module.css';

const t = texts.approval;
const route = getRouteApi('/approvals/$id');

/** One approval: the request, its payload and history, and the decision. */
export function ApprovalPage() {
  const { id } = route.useParams();
  const query = useQuery({ ...approvalQuery(id), refetchInterval: usePollInterval() });
  return (
    <>
      <BackLink to="/approvals">{texts.pages.approvals}</BackLink>
      {query.data === undefined && <PageTitle>{t.title}</PageTitle>}
      <StaleNotice query={query} />
      <QueryResult query={query}>{(data) => <Details approval={data} />}</QueryResult>
    </>
  );
}

function Details({ approval }: { approval: Approval }) {
  const { task, reason, payload, digest, earlier } = approval;
  return (
    <>
      <header className={classes.header}>
        <Group gap="sm" align="center">
          <Title order={1} size="h2">
            <VisibleText text={task.description === '' ? task.task_type : task.description} />
          </Title>
          <Status of={approval.status} />
        </Group>
        <RequestFacts approval={approval} />
      </header>
      <div className={classes.columns}>
        <Stack gap="md" className={classes.column}>
          <Section title={t.reason}>
            <Text className={classes.reason} dir="auto">
              {reason === '' ? (
                <Text span c="dimmed">
                  {t.noReason}
                </Text>
              ) : (
                <VisibleText text={reason} />
              )}
            </Text>
            {approval.repeat && (
              <Alert color="yellow" mt="sm">
                {t.repeat}
              </Alert>
            )}
          </Section>
          <Section
            title={t.payload}
            actions={
              digest !== null && (
                <Group gap="xs">
                  <Text size="xs" c="dimmed">
                    {t.digest}
                  </Text>
                  <Digest of={digest} />
                </Group>
              )
            }
          >
            {payload === null ? (
              <Text size="sm" c="dimmed">
                {t.noPayload}
              </Text>
            ) : (
              <Payload value={payload} label={t.payload} />
            )}
          </Section>
        </Stack>
        <div className={classes.side}>
          <DecisionPanel key={approval.id} approval={approval} />
          <Stages approval={approval} />
        </div>
        <Stack gap="md" className={classes.rest}>
          {earlier.length > 0 && <EarlierDecisions earlier={earlier} />}
          <TaskHistory taskId={approval.task_id} />
        </Stack>
      </div>
    </>
  );
}

function RequestFacts({ approval }: { approval: Approval }) {
  const { requested_role, requested_by, approver_role, delegated_from, created_at } = approval;
  const isPending = approval.status === 'pending';
  return (
    <Facts
      items={[
        [
          t.requester,
          <>
            <bdi>{requested_role ?? texts.none}</bdi>
            {requested_by !== null && (
              <Text span c="dimmed" size="sm">
                {' '}
                (<Subject of={requested_by} />)
              </Text>
            )}
          </>,
        ],
        [
          t.approver,
          <>
            <bdi>{approver_role}</bdi>
            {delegated_from !== null && (
              <Text span c="dimmed" size="sm">
                {' '}
                {t.delegatedBy(delegated_from)}
              </Text>
            )}
          </>,
        ],
        [t.votes, texts.approvals.votesOf(approval.votes, approval.quorum)],
        [t.requested, <RelativeTime key="at" at={created_at} />],
        ...(isPending ? [[t.expires, <Expiry key="at" at={approval.expires_at} />] as const] : []),
        [
          t.task,
          <Link key="task" to="/tasks/$id" params={{ id: approval.task_id }}>
            <bdi>{approval.task.task_type}</bdi>
          </Link>,
        ],
      ]}
    />
  );
}

function TaskHistory({ taskId }: { taskId: string }) {
  const query = useQuery({ ...timelineQuery(taskId), refetchInterval: usePollInterval() });
  return (
    <Section title={t.history}>
      <QueryResult query={query}>{({ events }) => <History entries={events} />}</QueryResult>
    </Section>
  );
}
