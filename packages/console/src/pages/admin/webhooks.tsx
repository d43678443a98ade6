import type { Webhook } from '@agent-mesh/client';
import { Button, Group, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { usePollInterval } from '../../api/live-context';
import { mesh } from '../../api/mesh';
import { KEYS } from '../../api/queries';
import { ConfirmDialog } from '../../components/confirm-dialog';
import { type Column, DataTable, rowLink } from '../../components/data-table';
import { EmptyState } from '../../components/empty-state';
import { QueryResult } from '../../components/query-result';
import { ErrorPanel } from '../../components/error-panel';
import { RelativeTime } from '../../components/relative-time';
import { Status } from '../../components/status';
import { texts } from '../../texts';
import { webhooksQuery } from './admin-queries';

const t = texts.admin;

/** The webhooks, which an admin can enable, disable and delete. */
export function Webhooks() {
  const query = useQuery({ ...webhooksQuery, refetchInterval: usePollInterval() });
  return (
    <QueryResult query={query}>
      {(webhooks) =>
        webhooks.length === 0 ? (
          <EmptyState title={t.noWebhooks} />
        ) : (
          <DataTable label={t.webhooks} columns={COLUMNS} rows={webhooks} keyOf={({ id }) => id} />
        )
      }
    </QueryResult>
  );
}

const COLUMNS: readonly Column<Webhook>[] = [
  {
    header: t.columns.endpoint,
    width: 'minmax(0, 1fr)',
    cell: ({ id, url, description }) => (
      <>
        <Link to="/admin" search={{ webhook: id }} className={rowLink}>
          <bdi>{url}</bdi>
        </Link>
        {description !== '' && (
          <Text size="sm" c="dimmed">
            <bdi>{description}</bdi>
          </Text>
        )}
      </>
    ),
  },
  {
    header: t.columns.types,
    width: 'minmax(0, 14rem)',
    cell: ({ types }) => (types.includes('*') ? t.allTypes : types.join(', ')),
  },
  { header: t.columns.status, width: '9rem', cell: ({ status }) => <Status of={status} /> },
  {
    header: t.columns.failures,
    width: '9rem',
    cell: ({ failures, failing_since }) =>
      failing_since === null ? (
        texts.none
      ) : (
        <>
          {failures}, {t.since} <RelativeTime at={failing_since} />
        </>
      ),
  },
  { header: t.columns.actions, width: '12rem', cell: (webhook) => <Actions webhook={webhook} /> },
];

function Actions({ webhook }: { webhook: Webhook }) {
  const queryClient = useQueryClient();
  const [open, setOpen] = useState<'status' | 'delete'>();
  const isEnabled = webhook.status === 'enabled';
  const close = (): void => {
    setOpen(undefined);
  };
  const change = useMutation({
    mutationFn: async () => {
      const { id, version: ifVersion } = webhook;
      const status = isEnabled ? 'disabled' : 'enabled';
      if (open === 'delete') await mesh.webhooks.delete(id, { ifVersion });
      else await mesh.webhooks.update(id, { status }, { ifVersion });
    },
    onSuccess: close,
    onSettled: () => queryClient.invalidateQueries({ queryKey: [KEYS.admin] }),
  });
  const text = open === 'delete' ? t.delete : isEnabled ? t.disable : t.enable;
  return (
    <Group gap="xs">
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => {
          setOpen('status');
        }}
      >
        {isEnabled ? t.disable.action : t.enable.action}
      </Button>
      <Button
        size="compact-xs"
        variant="default"
        onClick={() => {
          setOpen('delete');
        }}
      >
        {t.delete.action}
      </Button>
      {open !== undefined && (
        <ConfirmDialog
          isOpen
          title={text.title}
          action={text.action}
          color={open === 'delete' ? 'red' : 'brand'}
          isPending={change.isPending}
          onConfirm={() => {
            change.mutate();
          }}
          onClose={close}
        >
          <Text size="sm">{text.effect(webhook.url)}</Text>
          {change.error && <ErrorPanel error={change.error} />}
        </ConfirmDialog>
      )}
    </Group>
  );
}
