import type { TimelineEntry } from '@agent-mesh/client';
import { texts } from '../texts';
import { EntryReasons } from './entry-reasons';
import { RelativeTime } from './relative-time';
import { Subject } from './subject';
import classes from './history.module.css';

/** The events of a task in their order. */
export function History({ entries }: { entries: readonly TimelineEntry[] }) {
  return (
    <ol className={classes.history}>
      {entries.map((entry, index) => (
        <li key={`${entry.at} ${String(index)}`} className={classes.entry}>
          <span className={classes.event}>{eventText(entry)}</span>
          <span className={classes.by}>
            <bdi>{entry.role}</bdi> (<Subject of={entry.actor} />)
          </span>
          <span className={classes.time}>
            <RelativeTime at={entry.at} />
          </span>
          <EntryReasons entry={entry} />
        </li>
      ))}
    </ol>
  );
}

/** Returns the name of an event, with the states between which it moved, or the one that it led to. */
export function eventText({
  event,
  from,
  to,
}: Pick<TimelineEntry, 'event' | 'from' | 'to'>): string {
  const name = texts.events[event] ?? inWords(event);
  if (to === undefined) return name;
  return from === undefined ? `${name}: ${to}` : `${name}: ${from} → ${to}`;
}

/** Returns a type of a later version, or of an agent, as words. */
function inWords(type: string): string {
  return type.charAt(0).toUpperCase() + type.slice(1).replaceAll('_', ' ');
}
