import { Injectable } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { waitUntil } from '../database/wait-until.js';
import { matchesNone, type Revalidated } from '../http/etag.js';
import { EventHubService } from './event-hub.service.js';

/** Milliseconds between reads. They find changes whose event is late, because the event log does not grow. */
const POLL_MS = 5_000;
/** Minimum milliseconds until a read at a time that the database determines. Its clock can differ from this one. */
const MIN_POLL_MS = 1_000;

/** A resource that changes only with events of its task, or when a time passes. */
export interface Watchable<T> {
  /** Reads the resource, if the caller may read it. */
  read(): Promise<T>;
  etagOf(value: T): string;
  taskIdOf(value: T): string;
  /** Whether the resource has reached a final state. */
  hasEnded(value: T): boolean;
  /** The next time at which the resource changes without an event. */
  changesAt(value: T): Date | undefined;
}

/** The version that a client has, and how long it waits for another one. */
export interface StateWatch {
  wait_seconds?: number;
  /** `finished`: only a final state ends the wait early. */
  until?: 'finished';
  ifNoneMatch: string | undefined;
}

/** Waits for changes of tasks and approvals. A waiting request has no database connection. */
@Injectable()
export class StateWatchesService {
  constructor(
    private readonly hub: EventHubService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns the resource at once if it differs from `ifNoneMatch`, or if it has ended and there is no `ifNoneMatch`.
   * Otherwise waits until it changes, `wait_seconds` have passed, the process stops or the client disconnects. The
   * permission to read it is checked before and after the wait.
   *
   * @param gone aborts when the client disconnects
   */
  async watch<T>(
    resource: Watchable<T>,
    { wait_seconds = 0, until, ifNoneMatch }: StateWatch,
    gone: AbortSignal,
  ): Promise<Revalidated<T>> {
    const deadline = performance.now() + this.environment.waitMs(wait_seconds);
    const first = await resource.read();
    const etag = resource.etagOf(first);
    const isKnown = !matchesNone(ifNoneMatch, etag);
    const isConditional = ifNoneMatch !== undefined;
    const isMet = (value: T): boolean => {
      const isEnd = resource.hasEnded(value);
      if (until === 'finished') return isEnd;
      return !isKnown || (isEnd && !isConditional) || resource.etagOf(value) !== etag;
    };
    if (wait_seconds === 0 || isMet(first)) {
      return { value: first, etag, isNotModified: isConditional && isKnown };
    }
    const value = await waitUntil(
      {
        read: () => resource.read(),
        isMet,
        subscribe: (wake) => this.hub.subscribe(wake, resource.taskIdOf(first)),
        pollMs: (present) => pollMs(resource.changesAt(present)),
      },
      { deadline, gone, source: this.hub },
    );
    const present = resource.etagOf(value);
    return { value, etag: present, isNotModified: isConditional && isKnown && present === etag };
  }
}

function pollMs(changesAt: Date | undefined): number {
  if (changesAt === undefined) return POLL_MS;
  return Math.min(POLL_MS, Math.max(MIN_POLL_MS, changesAt.getTime() - Date.now()));
}
