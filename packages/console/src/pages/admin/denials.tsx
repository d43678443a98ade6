import type { AuditEvent } from '@agent-mesh/client';
import { useQuery } from '@tanstack/react-query';
import { usePollInterval } from '../../api/live-context';
import { type Column, DataTable } from '../../components/data-table';
import { EmptyState } from '../../components/empty-state';
import { QueryResult } from '../../components/query-result';
import { RelativeTime } from '../../components/relative-time';
import { Subject } from '../../components/subject';
import { VisibleText } from '../../components/visible-text';
import { texts } from '../../texts';
import { denialsQuery } from './admin-queries';

const t = texts.admin;

/** Who was refused what in the last day, latest first. */
export function Denials() {
  const query = useQuery({ ...denialsQuery, refetchInterval: usePollInterval() });
  return (
    <QueryResult query={query}>
      {({ events }) =>
        events.length === 0 ? (
          <EmptyState title={t.noDenials} />
        ) : (
          <DataTable
            label={t.denials}
            columns={COLUMNS}
            rows={[...events].reverse()}
            keyOf={({ id }) => id}
          />
        )
      }
    </QueryResult>
  );
}

const COLUMNS: readonly Column<AuditEvent>[] = [
  { header: t.columns.subject, width: '12rem', cell: ({ actor }) => <Subject of={actor} /> },
  {
    header: t.columns.request,
    width: 'minmax(0, 1fr)',
    cell: ({ metadata }) => (
      <VisibleText text={`${textOf(metadata.method)} ${textOf(metadata.route ?? metadata.path)}`} />
    ),
  },
  {
    header: t.columns.code,
    width: '14rem',
    cell: ({ metadata }) => <code>{textOf(metadata.code)}</code>,
  },
  {
    header: t.columns.created,
    width: '9rem',
    cell: ({ timestamp }) => <RelativeTime at={timestamp} />,
  },
];

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
