import { queryOptions } from '@tanstack/react-query';
import { read } from '../../api/client';
import { KEYS } from '../../api/queries';
import type { AuditPage } from '../../api/types';

export interface Health {
  status: string;
  version: string;
  database: string;
  database_reason?: string;
  redis: string;
  redis_reason?: string;
  signing_keys?: string;
}

export interface Webhook {
  id: string;
  url: string;
  types: string[];
  role: string | null;
  description: string;
  status: string;
  failures: number;
  failing_since: string | null;
  version: number;
}

export interface Delivery {
  position: number;
  type: string;
  status: string;
  created_at: string;
  next_attempt_at: string | null;
  attempts: { started_at: string; status: number | null; error: string | null }[];
}

const DAY_MS = 86_400_000;

export const healthQuery = queryOptions({
  queryKey: [KEYS.admin, 'health'],
  queryFn: ({ signal }) => read<Health>('/health', {}, signal),
});

export const webhooksQuery = queryOptions({
  queryKey: [KEYS.admin, 'webhooks'],
  queryFn: ({ signal }) => read<{ webhooks: Webhook[] }>('/webhooks', {}, signal),
});

export const deliveriesQuery = (webhook: string) =>
  queryOptions({
    queryKey: [KEYS.admin, 'deliveries', webhook],
    queryFn: ({ signal }) =>
      read<{ deliveries: Delivery[] }>(
        `/webhooks/${encodeURIComponent(webhook)}/deliveries`,
        { page_size: 50 },
        signal,
      ),
  });

/** The refused requests of the last day. */
export const denialsQuery = queryOptions({
  queryKey: [KEYS.admin, 'denials'],
  queryFn: ({ signal }) => {
    const from = new Date(Date.now() - DAY_MS).toISOString();
    const query = { event_type: 'access_denied', from, page_size: 100 };
    return read<AuditPage>('/audit/events', query, signal);
  },
});
