import type { EarlierDecision } from '@agent-mesh/client';
import { Link } from '@tanstack/react-router';
import { type Column, DataTable, rowLink } from '../../components/data-table';
import { RelativeTime } from '../../components/relative-time';
import { Section } from '../../components/section';
import { Status } from '../../components/status';
import { Subject } from '../../components/subject';
import { texts } from '../../texts';

const t = texts.approval.earlier;

/** Other decisions about the same payload. */
export function EarlierDecisions({ earlier }: { earlier: readonly EarlierDecision[] }) {
  return (
    <Section title={t.title}>
      <DataTable
        label={t.title}
        columns={COLUMNS}
        rows={earlier}
        keyOf={({ approval_id }) => approval_id}
      />
    </Section>
  );
}

const COLUMNS: readonly Column<EarlierDecision>[] = [
  {
    header: t.status,
    width: '1fr',
    cell: ({ approval_id, status }) => (
      <Link to="/approvals/$id" params={{ id: approval_id }} className={rowLink}>
        <Status of={status} />
      </Link>
    ),
  },
  {
    header: t.decided,
    width: '1fr',
    cell: ({ decided_by, decision_at }) =>
      decision_at === null ? (
        texts.none
      ) : (
        <>
          {decided_by !== null && <Subject of={decided_by} />} <RelativeTime at={decision_at} />
        </>
      ),
  },
  {
    header: t.consumed,
    width: '1fr',
    cell: ({ consumed_at }) =>
      consumed_at === null ? t.notConsumed : <RelativeTime at={consumed_at} />,
  },
];
