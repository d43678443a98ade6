import type { Hour } from '@agent-mesh/client';
import { texts } from '../../texts';
import classes from './hour-chart.module.css';

const t = texts.overview;
const hourOf = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false });

const compact = new Intl.NumberFormat('en', { notation: 'compact' });
const shortOf = (count: number): string => compact.format(count);

/** A bar for each hour. A screen reader reads the same numbers as a list. */
export function HourChart({ hours }: { hours: readonly Hour[] }) {
  const most = Math.max(1, ...hours.map(({ routed }) => routed));
  const first = hours[0]?.start;
  const textOf = ({ start, routed }: Hour): string =>
    t.inHour(routed, hourOf.format(new Date(start)));
  return (
    <figure className={classes.chart}>
      <div className={classes.bars} aria-hidden>
        {hours.map((hour) => (
          <div key={hour.start} className={classes.hour} title={textOf(hour)}>
            {hour.routed > 0 && <span className={classes.label}>{shortOf(hour.routed)}</span>}
            <span
              className={hour.routed > 0 ? classes.bar : classes.none}
              style={{ height: `${String((hour.routed / most) * 80)}%` }}
            />
          </div>
        ))}
      </div>
      <figcaption className={classes.axis}>
        <span>{first === undefined ? '' : hourOf.format(new Date(first))}</span>
        <span>{t.now}</span>
      </figcaption>
      <ul className="visually-hidden">
        {hours
          .filter(({ routed }) => routed > 0)
          .map((hour) => (
            <li key={hour.start}>{textOf(hour)}</li>
          ))}
      </ul>
    </figure>
  );
}
