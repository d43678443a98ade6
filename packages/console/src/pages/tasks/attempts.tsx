import type { Session } from '@agent-mesh/client';
import { type Column, DataTable } from '../../components/data-table';
import { RelativeTime } from '../../components/relative-time';
import { Section } from '../../components/section';
import { Status } from '../../components/status';
import { Subject } from '../../components/subject';
import { texts } from '../../texts';

const t = texts.task.attempts;

/** The attempts at a task, latest first. */
export function Attempts({ attempts }: { attempts: readonly Session[] }) {
  const rows = [...attempts].sort((one, other) => (other.attempt ?? 0) - (one.attempt ?? 0));
  return (
    <Section title={t.title}>
      <DataTable label={t.title} columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
    </Section>
  );
}

const COLUMNS: readonly Column<Session>[] = [
  { header: t.number, width: '4rem', cell: ({ attempt }) => String(attempt ?? texts.none) },
  { header: t.status, width: '8rem', cell: ({ status }) => <Status of={status} /> },
  {
    header: t.holder,
    width: 'minmax(0, 1fr)',
    cell: ({ claimed_by }) => (claimed_by === null ? texts.none : <Subject of={claimed_by} />),
  },
  {
    header: t.ended,
    width: 'minmax(0, 1fr)',
    cell: ({ ended_reason, lease_expires_at }) => {
      if (ended_reason !== null) return texts.reasons[ended_reason] ?? ended_reason;
      if (lease_expires_at === null) return texts.none;
      return (
        <>
          {t.lease} <RelativeTime at={lease_expires_at} />
        </>
      );
    },
  },
  { header: t.changed, width: '9rem', cell: ({ updated_at }) => <RelativeTime at={updated_at} /> },
];
