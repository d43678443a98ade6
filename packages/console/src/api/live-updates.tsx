import type { CloudEvent } from '@agent-mesh/client';
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { EventStream } from './event-stream';
import { LiveContext } from './live-context';
import { KEYS } from './queries';

/** Events arrive one by one; queries are read again for all that arrived in this time. */
const COLLECT_MS = 150;

/** Keeps the data of all pages fresh: each event makes the queries of its resources read again. */
export function LiveUpdates({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient();
  const [stream, setStream] = useState<EventStream>();
  useEffect(() => {
    const updates = new Updates(queryClient);
    const created = new EventStream(updates);
    void created.run();
    setStream(created);
    return () => {
      created.stop();
      updates.stop();
    };
  }, [queryClient]);
  return <LiveContext value={stream}>{children}</LiveContext>;
}

class Updates {
  private readonly pending = new Map<string, readonly string[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly queryClient: QueryClient) {}

  readonly onEvent = (event: CloudEvent): void => {
    for (const key of keysOf(event)) this.pending.set(key.join(' '), key);
    this.timer ??= setTimeout(() => {
      this.flush();
    }, COLLECT_MS);
  };

  readonly onGap = (): void => {
    void this.queryClient.invalidateQueries();
  };

  stop(): void {
    clearTimeout(this.timer);
  }

  private flush(): void {
    this.timer = undefined;
    for (const queryKey of this.pending.values()) {
      void this.queryClient.invalidateQueries({ queryKey });
    }
    this.pending.clear();
  }
}

/** Returns the keys of the queries whose data an event changes. */
function keysOf({ type, data }: CloudEvent): (readonly string[])[] {
  const [feature = ''] = type.split('.');
  const keys: (readonly string[])[] = [[KEYS.audit]];
  if (feature === 'approval') keys.push([KEYS.approvals]);
  if (data.approval_id !== null) keys.push([KEYS.approval, data.approval_id]);
  if (data.task_id !== null) keys.push([KEYS.tasks], [KEYS.task, data.task_id]);
  // The status of a task ends or excludes decisions about it.
  if (feature === 'task' || feature === 'attempt' || feature === 'session')
    keys.push([KEYS.approvals], [KEYS.approval]);
  if (feature === 'webhook' || feature === 'role' || feature === 'access') keys.push([KEYS.admin]);
  return keys;
}
