import type { AuditEvent, AuditFilter, CloudEvent } from '@agent-mesh/client';
import { Text } from '@mantine/core';
import { useContext, useEffect, useState } from 'react';
import { LiveContext } from '../../api/live-context';
import { DataTable } from '../../components/data-table';
import { EmptyState } from '../../components/empty-state';
import { texts } from '../../texts';
import { EVENT_COLUMNS } from './event-columns';

const t = texts.audit;
/** Events that are kept on the page. */
const MAX_EVENTS = 200;

/** The events that arrive while the page is open, newest first. */
export function LiveEvents({ filter }: { filter: AuditFilter }) {
  const stream = useContext(LiveContext);
  const [events, setEvents] = useState<readonly AuditEvent[]>([]);
  useEffect(
    () =>
      stream?.listen((event) => {
        setEvents((earlier) => [toAuditEvent(event), ...earlier].slice(0, MAX_EVENTS));
      }),
    [stream],
  );
  const rows = events.filter((event) => matches(event, filter));
  return (
    <>
      <Text size="sm" c="dimmed" mb="sm">
        {t.followHint}
      </Text>
      {rows.length === 0 ? (
        <EmptyState title={t.waiting} />
      ) : (
        <DataTable
          label={texts.pages.audit}
          columns={EVENT_COLUMNS}
          rows={rows}
          keyOf={({ id }) => id}
        />
      )}
    </>
  );
}

function toAuditEvent({ id, type, time, role, data }: CloudEvent): AuditEvent {
  return { ...data, id, event_type: toAuditEventType(type), timestamp: time, role };
}

/** `task.routed` is the audit event `task_routed`. Events of agents have the same type in both. */
function toAuditEventType(type: string): string {
  return type.startsWith('agent.') ? type : type.replace('.', '_');
}

function matches(event: AuditEvent, filter: AuditFilter): boolean {
  const withoutPrefix = (id: string): string => id.replace(/^task-/, '');
  return (
    (filter.event_type === undefined || event.event_type === filter.event_type) &&
    (filter.role === undefined || event.role === filter.role) &&
    (filter.trace_id === undefined || event.trace_id === filter.trace_id) &&
    (filter.task_id === undefined || event.task_id === withoutPrefix(filter.task_id))
  );
}
