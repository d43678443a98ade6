import { Alert, Button } from '@mantine/core';
import { texts } from '../texts';
import { RelativeTime } from './relative-time';
import classes from './stale-notice.module.css';

interface Readable {
  readonly isError: boolean;
  readonly dataUpdatedAt: number;
  readonly refetch: () => Promise<unknown>;
}

/** Shown above data that could not be read again, so that nobody takes it for the present state. */
export function StaleNotice({ query }: { query: Readable }) {
  if (!query.isError || query.dataUpdatedAt === 0) return null;
  return (
    <Alert color="yellow" role="alert" mb="md" className={classes.notice}>
      {texts.errors.stale} <RelativeTime at={new Date(query.dataUpdatedAt).toISOString()} />.{' '}
      <Button size="compact-xs" variant="default" ml="xs" onClick={() => void query.refetch()}>
        {texts.errors.retry}
      </Button>
    </Alert>
  );
}
