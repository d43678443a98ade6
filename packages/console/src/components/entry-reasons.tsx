import type { TimelineEntry } from '@agent-mesh/client';
import { Text } from '@mantine/core';
import { texts } from '../texts';
import { VisibleText } from './visible-text';
import classes from './entry-reasons.module.css';

/** Why an event happened: its cause, and the reason that somebody gave. */
export function EntryReasons({ entry: { reason, told, to } }: { entry: TimelineEntry }) {
  // A cause that is the new state itself adds nothing.
  const cause = reason === undefined || reason === to ? '' : (texts.reasons[reason] ?? reason);
  const given = [cause, told ?? ''].filter((text) => text !== '');
  return given.map((text) => (
    <Text key={text} size="sm" c="dimmed" className={classes.reason} dir="auto">
      <VisibleText text={text} />
    </Text>
  ));
}
