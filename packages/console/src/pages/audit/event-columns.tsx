import type { AuditEvent } from '@agent-mesh/client';
import { Group } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Column } from '../../components/data-table';
import { eventText } from '../../components/history';
import { RelativeTime } from '../../components/relative-time';
import { Subject } from '../../components/subject';
import { VisibleText } from '../../components/visible-text';
import { texts } from '../../texts';
import { SealCell } from './seal-cell';

const t = texts.audit;

export const EVENT_COLUMNS: readonly Column<AuditEvent>[] = [
  {
    header: t.columns.event,
    width: 'minmax(0, 1fr)',
    cell: ({ event_type, metadata }) => (
      <VisibleText text={eventText({ event: event_type, ...statesOf(metadata) })} />
    ),
  },
  { header: t.columns.role, width: '9rem', cell: ({ role }) => <bdi>{role}</bdi> },
  { header: t.columns.actor, width: '11rem', cell: ({ actor }) => <Subject of={actor} /> },
  {
    header: t.columns.subject,
    width: '12rem',
    cell: ({ task_id, approval_id, trace_id }) => (
      <Group gap="xs">
        {task_id !== null && (
          <Link to="/tasks/$id" params={{ id: task_id }}>
            {t.task}
          </Link>
        )}
        {approval_id !== null && (
          <Link to="/approvals/$id" params={{ id: approval_id }}>
            {t.approval}
          </Link>
        )}
        <Link to="/audit" search={{ trace_id, period: 'all' }}>
          {t.trace}
        </Link>
      </Group>
    ),
  },
  { header: t.columns.seal, width: '10rem', cell: ({ id }) => <SealCell eventId={id} /> },
  {
    header: t.columns.time,
    width: '8.5rem',
    cell: ({ timestamp }) => <RelativeTime at={timestamp} />,
  },
];

/** Returns the states between which an event moved, or its decision, if it contains them. */
function statesOf(metadata: Readonly<Record<string, unknown>>): { from?: string; to?: string } {
  const { from, to = metadata.decision } = metadata;
  if (typeof to !== 'string') return {};
  return typeof from === 'string' ? { from, to } : { to };
}
