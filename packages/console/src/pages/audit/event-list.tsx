import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { usePollInterval } from '../../api/live-context';
import { type AuditFilter, auditQuery } from '../../api/queries';
import { DataTable } from '../../components/data-table';
import { EmptyState } from '../../components/empty-state';
import { ErrorPanel } from '../../components/error-panel';
import { LoadingRows } from '../../components/loading';
import { StaleNotice } from '../../components/stale-notice';
import { texts } from '../../texts';
import { EVENT_COLUMNS } from './event-columns';
import { type Period, startOf } from './period';

const t = texts.audit;

/** The events of a period, oldest first, as in the log. */
export function EventList({ filter, period }: { filter: AuditFilter; period: Period }) {
  const from = useMemo(() => startOf(period), [period]);
  const query = useInfiniteQuery({
    ...auditQuery({ ...filter, from }),
    refetchInterval: usePollInterval(),
  });
  const { data, error, hasNextPage } = query;
  if (data === undefined) {
    return error ? (
      <ErrorPanel error={error} onRetry={() => void query.refetch()} />
    ) : (
      <LoadingRows />
    );
  }
  const rows = data.pages.flatMap(({ events }) => events);
  return (
    <>
      <StaleNotice query={query} />
      {rows.length === 0 ? (
        <EmptyState title={t.none}>{t.noneHint}</EmptyState>
      ) : (
        <DataTable
          label={texts.pages.audit}
          columns={EVENT_COLUMNS}
          rows={rows}
          keyOf={({ id }) => id}
        />
      )}
      {hasNextPage && (
        <Button
          mt="md"
          variant="default"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {texts.more}
        </Button>
      )}
    </>
  );
}
