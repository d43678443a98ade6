import { useStreamStatus } from '../api/live-context';
import { texts } from '../texts';
import classes from './live-status.module.css';

/** Shows whether changes appear at once. */
export function LiveStatus() {
  const status = useStreamStatus();
  return (
    <span
      className={classes.status}
      data-status={status}
      role="status"
      title={texts.live.hints[status]}
    >
      <span className={classes.dot} aria-hidden />
      <span className={classes.text}>{texts.live.states[status]}</span>
    </span>
  );
}
