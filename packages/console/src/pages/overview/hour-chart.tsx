import { texts } from '../../texts';
import classes from './hour-chart.module.css';
import type { HourCount } from './overview-query';

const t = texts.overview;
const hourOf = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false });

/** A bar for each hour. A screen reader reads the same numbers as a list. */
export function HourChart({ hours }: { hours: readonly HourCount[] }) {
  const most = Math.max(1, ...hours.map(({ count }) => count));
  const first = hours[0]?.start;
  const textOf = ({ start, count }: HourCount): string =>
    t.inHour(count, hourOf.format(new Date(start)));
  return (
    <figure className={classes.chart}>
      <div className={classes.bars} aria-hidden>
        {hours.map((hour) => (
          <div key={hour.start} className={classes.hour} title={textOf(hour)}>
            {hour.count > 0 && <span className={classes.label}>{hour.count}</span>}
            <span
              className={hour.count > 0 ? classes.bar : classes.none}
              style={{ height: `${String((hour.count / most) * 80)}%` }}
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
          .filter(({ count }) => count > 0)
          .map((hour) => (
            <li key={hour.start}>{textOf(hour)}</li>
          ))}
      </ul>
    </figure>
  );
}
