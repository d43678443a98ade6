import type { Approval } from '@agent-mesh/client';
import { Link } from '@tanstack/react-router';
import { type Column, DataTable, rowLink } from '../../components/data-table';
import { RelativeTime } from '../../components/relative-time';
import { Section } from '../../components/section';
import { Status } from '../../components/status';
import { VisibleText } from '../../components/visible-text';
import { texts } from '../../texts';

const t = texts.approvals.columns;

/** The approvals of a task. */
export function TaskApprovals({ approvals }: { approvals: readonly Approval[] }) {
  return (
    <Section title={texts.pages.approvals}>
      <DataTable
        label={texts.pages.approvals}
        columns={COLUMNS}
        rows={approvals}
        keyOf={({ id }) => id}
      />
    </Section>
  );
}

const COLUMNS: readonly Column<Approval>[] = [
  {
    header: t.role,
    width: '9rem',
    cell: ({ id, approver_role }) => (
      <Link to="/approvals/$id" params={{ id }} className={rowLink}>
        <bdi>{approver_role}</bdi>
      </Link>
    ),
  },
  { header: t.status, width: '8rem', cell: ({ status }) => <Status of={status} /> },
  {
    header: t.votes,
    width: '6rem',
    cell: ({ votes, quorum }) => texts.approvals.votesOf(votes, quorum),
  },
  {
    header: texts.approval.reason,
    width: 'minmax(0, 1fr)',
    cell: ({ reason }) => (reason === '' ? texts.none : <VisibleText text={reason} />),
  },
  {
    header: t.requested,
    width: '9rem',
    cell: ({ created_at }) => <RelativeTime at={created_at} />,
  },
];
