import { texts } from '../texts';
import classes from './status.module.css';

type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'idle';

const TONES: Readonly<Record<string, Tone>> = {
  pending: 'warn',
  active: 'busy',
  completed: 'good',
  failed: 'bad',
  expired: 'idle',
  dead: 'bad',
  cancelled: 'idle',
  approved: 'good',
  rejected: 'bad',
  withdrawn: 'idle',
  enabled: 'good',
  disabled: 'idle',
  disabled_failing: 'bad',
  gone: 'bad',
  delivered: 'good',
  connected: 'good',
  disconnected: 'bad',
  healthy: 'good',
  degraded: 'bad',
  ok: 'good',
  available: 'good',
  unavailable: 'bad',
  sealing: 'good',
  unsigned: 'warn',
  lagging: 'bad',
  diverged: 'bad',
  off: 'idle',
  never_read: 'bad',
};

/** The status of a task, session, approval or webhook: a coloured mark and its name. */
export function Status({ of }: { of: string }) {
  return (
    <span className={classes.status} data-tone={TONES[of] ?? 'idle'}>
      <span className={classes.mark} aria-hidden />
      {texts.statuses[of] ?? of}
    </span>
  );
}
