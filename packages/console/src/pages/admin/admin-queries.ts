import { queryOptions } from '@tanstack/react-query';
import { mesh } from '../../api/mesh';
import { KEYS } from '../../api/queries';

const DAY_MS = 86_400_000;

export const healthQuery = queryOptions({
  queryKey: [KEYS.admin, 'health'],
  queryFn: ({ signal }) => mesh.health({ signal }),
});

export const webhooksQuery = queryOptions({
  queryKey: [KEYS.admin, 'webhooks'],
  queryFn: ({ signal }) => mesh.webhooks.list({ signal }),
});

export const deliveriesQuery = (webhook: string) =>
  queryOptions({
    queryKey: [KEYS.admin, 'deliveries', webhook],
    queryFn: ({ signal }) =>
      mesh.webhooks.deliveries(webhook, { page_size: 50 }, { signal }).page(),
  });

/** The refused requests of the last day. */
export const denialsQuery = queryOptions({
  queryKey: [KEYS.admin, 'denials'],
  queryFn: ({ signal }) => {
    const from = new Date(Date.now() - DAY_MS).toISOString();
    const filter = { event_type: 'access_denied', from, page_size: 100 };
    return mesh.audit.events(filter, { signal }).page();
  },
});
