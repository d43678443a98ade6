import { createContext, useContext, useSyncExternalStore } from 'react';
import type { EventStream, StreamStatus } from './event-stream';

export const LiveContext = createContext<EventStream | undefined>(undefined);

const POLL_MS = 5_000;
const never = (): (() => void) => () => undefined;
const connecting = (): StreamStatus => 'connecting';

/** Returns the state of the event stream. */
export function useStreamStatus(): StreamStatus {
  const stream = useContext(LiveContext);
  return useSyncExternalStore(stream?.subscribe ?? never, stream?.status ?? connecting);
}

/** Returns the interval in which a page reads again: none while events arrive. */
export function usePollInterval(): number | false {
  return useStreamStatus() === 'down' ? POLL_MS : false;
}
