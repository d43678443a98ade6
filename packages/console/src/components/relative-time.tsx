import { useNow } from './use-now';

const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

const relative = new Intl.RelativeTimeFormat('en');
const absolute = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'long' });

/** A time relative to now. The absolute time shows on hover. */
export function RelativeTime({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={absolute.format(new Date(at))}>
      {relativeText(new Date(at).getTime() - now)}
    </time>
  );
}

/** Returns a duration in milliseconds, which is negative for the past, as a text. */
function relativeText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return Math.abs(seconds) < 5 ? 'now' : relative.format(seconds, 'second');
}
