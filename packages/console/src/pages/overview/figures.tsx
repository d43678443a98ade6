import type { Overview } from '@agent-mesh/client';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { texts } from '../../texts';
import { countText } from './count-text';
import classes from './figures.module.css';

const t = texts.overview;

/** The numbers of the overview, each with a link to its list. */
export function Figures({ overview }: { overview: Overview }) {
  const { tasks, approvals, decisions, leases_lost, counted_to } = overview;
  const textOf = (count: number): string => countText(count, counted_to);
  return (
    <ul className={classes.figures}>
      <Figure name={t.pending}>
        <Link to="/tasks" search={{ status: 'pending' }}>
          {textOf(tasks.pending)}
        </Link>
      </Figure>
      <Figure name={t.active}>
        <Link to="/tasks" search={{ status: 'active' }}>
          {textOf(tasks.active)}
        </Link>
      </Figure>
      <Figure name={t.approvals}>
        <Link to="/approvals" search={{ view: 'all', status: 'pending' }}>
          {textOf(approvals.pending)}
        </Link>
      </Figure>
      <Figure name={t.dead} isBad={tasks.dead > 0}>
        <Link to="/tasks" search={{ status: 'dead' }}>
          {textOf(tasks.dead)}
        </Link>
      </Figure>
      <Figure name={t.leasesLost} isBad={leases_lost > 0}>
        <Link to="/audit" search={{ event_type: 'session_transitioned' }}>
          {textOf(leases_lost)}
        </Link>
      </Figure>
      <Figure name={t.timeToDecide}>
        <Link to="/audit" search={{ event_type: 'approval_decided' }}>
          {decisions.median_seconds === null ? texts.none : durationOf(decisions.median_seconds)}
        </Link>
        <span className={classes.note}>{t.decisions(textOf(decisions.count))}</span>
      </Figure>
    </ul>
  );
}

function Figure({
  name,
  isBad = false,
  children,
}: {
  name: string;
  isBad?: boolean;
  children: ReactNode;
}) {
  return (
    <li className={classes.figure} data-bad={isBad}>
      <span className={classes.name}>{name}</span>
      <span className={classes.value}>{children}</span>
    </li>
  );
}

function durationOf(seconds: number): string {
  if (seconds < 60) return `${String(Math.round(seconds))} s`;
  if (seconds < 3_600) return `${String(Math.round(seconds / 60))} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}
