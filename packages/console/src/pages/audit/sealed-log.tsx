import type { AuditSeals } from '@agent-mesh/client';
import { Alert, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { usePollInterval } from '../../api/live-context';
import { RelativeTime } from '../../components/relative-time';
import { Status } from '../../components/status';
import { texts } from '../../texts';
import { sealedLogQuery } from './seal-query';
import classes from './sealed-log.module.css';

const t = texts.audit.seal;

/** The state of the sealed log: its size, its newest head, and the problem if there is one. */
export function SealedLog() {
  const poll = usePollInterval();
  const { data, isError } = useQuery(
    poll === false ? sealedLogQuery : { ...sealedLogQuery, refetchInterval: poll },
  );
  if (!data) {
    if (!isError) return null;
    return (
      <Text size="sm" c="dimmed" mb="md">
        {t.unknown}
      </Text>
    );
  }
  const { state } = data;
  const isBad = state === 'diverged' || state === 'lagging';
  if (isBad) {
    return (
      <Alert color="red" variant="outline" mb="md" title={`${t.log}: ${t.states[state]}`}>
        {t.hints[state]} <Extent log={data} />
      </Alert>
    );
  }
  return (
    <div className={classes.log}>
      <span className={classes.name}>{t.log}</span>
      <Status of={state} />
      <span className={classes.hint}>
        {state === 'sealing' ? <Extent log={data} /> : t.hints[state]}
      </span>
    </div>
  );
}

/** The number of sealed entries, and the newest head. */
function Extent({ log: { size, head } }: { log: AuditSeals }) {
  return (
    <>
      {t.size(size)}
      {head !== null && (
        <>
          {' '}
          {t.newest(head.size)} <RelativeTime at={head.signed_at} />.
        </>
      )}
    </>
  );
}
