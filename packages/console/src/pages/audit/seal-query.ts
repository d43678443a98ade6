import type { AuditSeals, EventSeal } from '@agent-mesh/client';
import { queryOptions } from '@tanstack/react-query';
import { mesh } from '../../api/mesh';
import { KEYS } from '../../api/queries';

/** Milliseconds after which an event that is not sealed yet is read again. Most are sealed within a second. */
const RETRY_MS = 2_000;
/** Milliseconds in which the events on screen are collected into one request. */
const COLLECT_MS = 20;
/** The most events of one request. */
const MAX_EVENTS = 100;

/** The state of the sealed log. Read again with each event. */
export const sealedLogQuery = queryOptions({
  queryKey: [KEYS.audit, 'sealed-log'],
  queryFn: ({ signal }) => mesh.audit.seals([], { signal }),
  refetchInterval: ({ state: { data } }) => (data && isBehind(data) ? RETRY_MS : false),
});

/** Whether entries wait for a head that will come soon. */
function isBehind({ state, size, head }: AuditSeals): boolean {
  return state === 'sealing' && size > (head?.size ?? 0);
}

export interface SealOfEvent {
  readonly state: AuditSeals['state'];
  /** Undefined until the event is sealed. */
  readonly seal: EventSeal | undefined;
}

/** The seal of one event. Once a head covers it, nothing changes. */
export const sealQuery = (eventId: string) =>
  queryOptions({
    queryKey: [KEYS.seal, eventId],
    queryFn: async (): Promise<SealOfEvent> => {
      const { state, seals } = await readInBatch(eventId);
      return { state, seal: seals.find(({ event_id }) => event_id === eventId) };
    },
    staleTime: ({ state: { data } }) => (data?.seal?.head ? Infinity : 0),
    refetchInterval: ({ state: { data } }) =>
      data?.state === 'sealing' && !data.seal?.head ? RETRY_MS : false,
  });

let batch: { readonly ids: string[]; readonly result: Promise<AuditSeals> } | undefined;

function readInBatch(eventId: string): Promise<AuditSeals> {
  if (!batch || batch.ids.length === MAX_EVENTS) batch = newBatch();
  batch.ids.push(eventId);
  return batch.result;
}

function newBatch() {
  const ids: string[] = [];
  const result = new Promise((resolve) => setTimeout(resolve, COLLECT_MS)).then(() => {
    if (batch?.ids === ids) batch = undefined;
    return mesh.audit.seals(ids);
  });
  return { ids, result };
}
