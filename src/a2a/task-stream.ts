import type { StreamResponse } from '@a2a-js/sdk';
import { setTimeout as sleep } from 'node:timers/promises';
import { Wakeup } from '../database/wakeup.js';
import { UnavailableError } from '../errors/domain-error.js';
import type { EventCursor } from '../events/event-cursor.js';
import type { EventHubService } from '../events/event-hub.service.js';
import type { EventReaderService, Reader } from '../events/event-reader.service.js';
import type { LogEvent } from '../events/log-event.js';
import { artifactsOf, toStatus } from './a2a-task.js';
import { type A2aState, isTerminal, stateOf } from './a2a-state.js';
import type { A2aCaller } from './a2a-caller.js';
import type { TaskFacts } from './task-facts.js';
import { FollowedTask } from './followed-task.js';

/** Number of events that are read at a time. */
const BATCH = 100;
/** Milliseconds between reads of the task. They find an end whose event is late. */
const POLL_MS = 5_000;
/** Milliseconds after which a stream ends, so that streams spread over instances again. */
const MAX_AGE_MS = 3_600_000;
/** Milliseconds between attempts while the database is unavailable. */
const RETRY_MS = 1_000;

/** The parts of the controller that a stream uses. */
export interface StreamSource {
  readonly hub: EventHubService;
  readonly events: EventReaderService;
  /** Reads the task again, if the caller may still read it. */
  read(): Promise<TaskFacts>;
}

/**
 * The updates of one task for one client, from the event log. Every stream of the task derives the same updates from the
 * same events, on any instance. The end of the task is read from the task, because an attempt that failed can be followed
 * by another one.
 */
export class TaskStream {
  private readonly wakeup = new Wakeup();
  private readonly endAt: number;
  private readonly task: FollowedTask;
  private sent: A2aState;

  /**
   * @param reader selects the events of the task
   * @param after a place in the log before `facts` were read
   */
  constructor(
    private facts: TaskFacts,
    private readonly caller: A2aCaller,
    private readonly reader: Reader,
    private after: EventCursor,
    private readonly source: StreamSource,
  ) {
    const expiresAt = (caller.agent.expiresAt ?? Infinity) * 1_000;
    this.endAt = Math.min(expiresAt, Date.now() + MAX_AGE_MS);
    this.task = new FollowedTask(facts);
    this.sent = stateOf(facts, caller.agent.roles);
  }

  /** Yields updates until the task has ended, or there is another reason to end. The client subscribes again. */
  async *updates(): AsyncGenerator<StreamResponse, void, undefined> {
    const wake = (): void => {
      this.wakeup.raise();
    };
    const { hub } = this.source;
    this.caller.gone.addEventListener('abort', wake);
    const unsubscribe = hub.subscribe(wake, this.facts.id);
    try {
      while (!this.mustEnd()) {
        const mayHaveEnded = yield* this.follow();
        if (mayHaveEnded && (yield* this.end())) return;
        if (mayHaveEnded) continue;
        const left = Math.max(Math.min(POLL_MS, this.endAt - Date.now()), 1);
        if (await this.wakeup.raisedWithin(left)) continue;
        if (yield* this.end()) return;
      }
    } finally {
      unsubscribe();
      this.caller.gone.removeEventListener('abort', wake);
    }
  }

  private mustEnd(): boolean {
    const { gone, isSlow } = this.caller;
    const { hub } = this.source;
    return (
      gone.aborted ||
      isSlow() ||
      hub.isStopping ||
      Date.now() >= this.endAt ||
      hub.isOtherEpoch(this.after)
    );
  }

  /** Yields the updates of the next events. Returns whether one of them can have ended the task. */
  private async *follow(): AsyncGenerator<StreamResponse, boolean, undefined> {
    const batch = await this.source.events
      .read(this.reader, this.after, BATCH)
      .catch(() => undefined);
    // The database is unavailable. The stream continues when it is back.
    if (!batch) {
      await sleep(RETRY_MS);
      return false;
    }
    this.after = batch.next;
    for (const event of batch.events) {
      this.task.apply(event);
      const state = stateOf(this.task, this.caller.agent.roles);
      if (this.isNew(state)) yield this.statusUpdate(state, new Date(event.timestamp));
    }
    const isBehind = batch.next.position < batch.head.position;
    if (isBehind) this.wakeup.raise();
    return batch.events.some(mayEnd);
  }

  /** Yields the result and the last update if the task has ended. Returns whether it has. */
  private async *end(): AsyncGenerator<StreamResponse, boolean, undefined> {
    const facts = await this.source.read().catch(ifUnavailable);
    if (!facts) return false;
    this.facts = facts;
    const state = stateOf(this.facts, this.caller.agent.roles);
    if (!isTerminal(state.state)) return false;
    const { id: taskId, trace_id: contextId } = this.facts;
    for (const artifact of artifactsOf(this.facts)) {
      const value = { taskId, contextId, artifact, append: false, lastChunk: true };
      yield { payload: { $case: 'artifactUpdate', value: { ...value, metadata: undefined } } };
    }
    yield this.statusUpdate(state, this.facts.updated_at);
    return true;
  }

  private isNew(state: A2aState): boolean {
    return (
      !isTerminal(state.state) && (state.state !== this.sent.state || state.text !== this.sent.text)
    );
  }

  private statusUpdate(state: A2aState, at: Date): StreamResponse {
    this.sent = state;
    const { id: taskId, trace_id: contextId, session_id } = this.facts;
    const status = toStatus({ id: taskId, trace_id: contextId, session_id }, state, at);
    const value = { taskId, contextId, status, metadata: undefined };
    return { payload: { $case: 'statusUpdate', value } };
  }
}

function ifUnavailable(error: unknown): undefined {
  if (error instanceof UnavailableError) return undefined;
  throw error;
}

/** Whether the task can have ended with an event. */
function mayEnd({ event_type, metadata }: LogEvent): boolean {
  return (
    event_type === 'task_cancelled' ||
    event_type === 'task_claimed' ||
    (event_type === 'session_transitioned' && metadata.to !== 'active')
  );
}
