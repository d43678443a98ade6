import type { AuditFilter } from '@agent-mesh/client';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { usePollInterval } from '../../api/live-context';
import { auditQuery } from '../../api/queries';
import { EmptyState } from '../../components/empty-state';
import { PagedTable } from '../../components/paged-table';
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
  return (
    <PagedTable
      query={query}
      label={texts.pages.audit}
      columns={EVENT_COLUMNS}
      rowsOf={({ events }) => events}
      empty={<EmptyState title={t.none}>{t.noneHint}</EmptyState>}
    />
  );
}
