import { Text } from '@mantine/core';
import type { TimelineEntry } from '../api/types';
import { texts } from '../texts';
import { RelativeTime } from './relative-time';
import { Subject } from './subject';
import { VisibleText } from './visible-text';
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
          {entry.reason !== undefined && entry.reason !== '' && (
            <Text size="sm" c="dimmed" className={classes.reason} dir="auto">
              <VisibleText text={entry.reason} />
            </Text>
          )}
        </li>
      ))}
    </ol>
  );
}

/** Returns the name of an event, with the states between which it moved. */
export function eventText({
  event,
  from,
  to,
}: Pick<TimelineEntry, 'event' | 'from' | 'to'>): string {
  const name = texts.events[event] ?? inWords(event);
  return from !== undefined && to !== undefined ? `${name}: ${from} → ${to}` : name;
}

/** Returns a type of a later version, or of an agent, as words. */
function inWords(type: string): string {
  return type.charAt(0).toUpperCase() + type.slice(1).replaceAll('_', ' ');
}
