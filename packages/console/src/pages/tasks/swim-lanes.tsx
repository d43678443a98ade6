import type { TimelineEntry } from '@agent-mesh/client';
import { Text } from '@mantine/core';
import type { CSSProperties } from 'react';
import { EntryReasons } from '../../components/entry-reasons';
import { eventText } from '../../components/history';
import { RelativeTime } from '../../components/relative-time';
import { Subject } from '../../components/subject';
import { texts } from '../../texts';
import classes from './swim-lanes.module.css';

/** The events of a task from top to bottom, each in the column of the role that acted. */
export function SwimLanes({ entries }: { entries: readonly TimelineEntry[] }) {
  const roles = [...new Set(entries.map(({ role }) => role))];
  const style: CSSProperties & Record<'--lanes', string> = { '--lanes': String(roles.length) };
  return (
    <div
      role="table"
      aria-label={texts.task.timeline}
      className={classes.lanes}
      style={style}
      tabIndex={0}
    >
      <div role="rowgroup" className={classes.group}>
        <div role="row" className={classes.row}>
          <div role="columnheader" className={classes.head}>
            {texts.task.time}
          </div>
          {roles.map((role) => (
            <div role="columnheader" key={role} className={classes.head}>
              <bdi>{role}</bdi>
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className={classes.group}>
        {entries.map((entry, index) => (
          <div role="row" className={classes.row} key={`${entry.at} ${String(index)}`}>
            <div role="cell" className={classes.time}>
              <RelativeTime at={entry.at} />
            </div>
            {roles.map((role) => (
              <div role="cell" key={role} className={classes.lane}>
                {role === entry.role && <Step entry={entry} />}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

function Step({ entry }: { entry: TimelineEntry }) {
  const { actor, to } = entry;
  return (
    <div className={classes.step} data-end={to}>
      <Text size="sm" fw={600}>
        {eventText(entry)}
      </Text>
      <Text size="xs" c="dimmed">
        <Subject of={actor} />
      </Text>
      <EntryReasons entry={entry} />
    </div>
  );
}
