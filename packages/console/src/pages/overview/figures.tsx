import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { texts } from '../../texts';
import classes from './figures.module.css';
import type { Count, Overview } from './overview-query';

const t = texts.overview;

/** The numbers of the overview, each with a link to its list. */
export function Figures({ overview }: { overview: Overview }) {
  const { pending, active, approvals, dead, decided, leasesLost, medianSeconds } = overview;
  return (
    <ul className={classes.figures}>
      <Figure name={t.pending}>
        <Link to="/tasks" search={{ status: 'pending' }}>
          {textOf(pending)}
        </Link>
      </Figure>
      <Figure name={t.active}>
        <Link to="/tasks" search={{ status: 'active' }}>
          {textOf(active)}
        </Link>
      </Figure>
      <Figure name={t.approvals}>
        <Link to="/approvals" search={{ view: 'all', status: 'pending' }}>
          {textOf(approvals)}
        </Link>
      </Figure>
      <Figure name={t.dead} isBad={dead.value > 0}>
        <Link to="/tasks" search={{ status: 'dead' }}>
          {textOf(dead)}
        </Link>
      </Figure>
      <Figure name={t.leasesLost} isBad={leasesLost.value > 0}>
        <Link to="/audit" search={{ event_type: 'session_transitioned' }}>
          {textOf(leasesLost)}
        </Link>
      </Figure>
      <Figure name={t.timeToDecide}>
        <Link to="/audit" search={{ event_type: 'approval_decided' }}>
          {medianSeconds === undefined ? texts.none : durationOf(medianSeconds)}
        </Link>
        <span className={classes.note}>{t.decisions(textOf(decided))}</span>
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

const textOf = ({ value, isPartial }: Count): string =>
  `${value.toLocaleString('en')}${isPartial ? '+' : ''}`;

function durationOf(seconds: number): string {
  if (seconds < 60) return `${String(Math.round(seconds))} s`;
  if (seconds < 3_600) return `${String(Math.round(seconds / 60))} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}
