import { RelativeTime } from '../../components/relative-time';
import { useNow } from '../../components/use-now';
import { texts } from '../../texts';
import classes from './expiry.module.css';

/** Milliseconds before the expiry from which it is marked. */
const SOON_MS = 3_600_000;

/** When an approval expires. Marked if that is soon. */
export function Expiry({ at }: { at: string | null }) {
  const now = useNow();
  if (at === null) return <>{texts.none}</>;
  const isSoon = new Date(at).getTime() - now < SOON_MS;
  return (
    <span className={isSoon ? classes.soon : undefined}>
      <RelativeTime at={at} />
    </span>
  );
}
