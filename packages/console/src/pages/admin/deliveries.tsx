import type { Delivery } from '@agent-mesh/client';
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { mesh } from '../../api/mesh';
import { KEYS } from '../../api/queries';
import { type Column, DataTable } from '../../components/data-table';
import { EmptyState } from '../../components/empty-state';
import { QueryResult } from '../../components/query-result';
import { ErrorPanel } from '../../components/error-panel';
import { RelativeTime } from '../../components/relative-time';
import { Status } from '../../components/status';
import { texts } from '../../texts';
import { deliveriesQuery } from './admin-queries';

const t = texts.admin;
/** Deliveries cause no events, so the list is read again in this interval. */
const REFRESH_MS = 5_000;

/** The latest deliveries of a webhook. */
export function Deliveries({ webhook }: { webhook: string }) {
  const query = useQuery({ ...deliveriesQuery(webhook), refetchInterval: REFRESH_MS });
  const actions: Column<Delivery> = {
    header: t.columns.actions,
    width: '7rem',
    cell: ({ position }) => <Redeliver webhook={webhook} position={position} />,
  };
  return (
    <QueryResult query={query}>
      {({ deliveries }) =>
        deliveries.length === 0 ? (
          <EmptyState title={t.noDeliveries} />
        ) : (
          <DataTable
            label={t.deliveries}
            columns={[...COLUMNS, actions]}
            rows={deliveries}
            keyOf={({ position }) => String(position)}
          />
        )
      }
    </QueryResult>
  );
}

const COLUMNS: readonly Column<Delivery>[] = [
  { header: t.columns.position, width: '5rem', cell: ({ position }) => String(position) },
  { header: t.columns.type, width: 'minmax(0, 1fr)', cell: ({ type }) => <bdi>{type}</bdi> },
  { header: t.columns.status, width: '8rem', cell: ({ status }) => <Status of={status} /> },
  {
    header: t.columns.attempts,
    width: '12rem',
    cell: ({ attempts }) => {
      const last = attempts.at(-1);
      const outcome = last?.status?.toString() ?? last?.error ?? texts.none;
      return t.attempts(attempts.length, outcome);
    },
  },
  {
    header: t.columns.created,
    width: '9rem',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
];

function Redeliver({ webhook, position }: { webhook: string; position: number }) {
  const queryClient = useQueryClient();
  const redelivery = useMutation({
    mutationFn: () => mesh.webhooks.redeliver(webhook, position),
    onSettled: () => queryClient.invalidateQueries({ queryKey: [KEYS.admin] }),
  });
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        loading={redelivery.isPending}
        onClick={() => {
          redelivery.mutate();
        }}
      >
        {t.redeliver}
      </Button>
      {redelivery.error && <ErrorPanel error={redelivery.error} />}
    </>
  );
}
