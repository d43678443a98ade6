import { StreamResponse } from '@a2a-js/sdk';
import type { LogEvent } from '../events/log-event.js';
import { type A2aState, isTerminal, stateOf } from './a2a-state.js';
import { toA2aTask, toStatus } from './a2a-task.js';
import { FollowedTask } from './followed-task.js';
import type { TaskFacts } from './task-facts.js';

/** An event of a task. Its position is null until it has one. */
export type TaskEvent = Pick<LogEvent, 'event_type' | 'approval_id' | 'timestamp' | 'metadata'> & {
  position: number | null;
};

/** An update for an endpoint. */
export interface PushUpdate {
  /** Equal in all attempts, so that a receiver detects repetitions. */
  readonly id: string;
  /** Position of the event that the update is about. */
  readonly position: number;
  /** A StreamResponse in JSON. */
  readonly body: string;
}

export interface PushUpdates {
  readonly updates: readonly PushUpdate[];
  /** Whether the task has ended and the updates contain its end. */
  readonly isComplete: boolean;
  /** Whether events of the task have no position yet, so that the updates stop before them. */
  readonly isBehind: boolean;
}

/**
 * Returns the updates of a task after a position: a status for each new state, derived from the events as a stream does,
 * and at the end the task with its result.
 *
 * @param facts the task, read before its events
 * @param roles the roles of the owner, on which the states depend
 */
export function updatesAfter(
  position: number,
  facts: TaskFacts,
  events: readonly TaskEvent[],
  roles: readonly string[],
): PushUpdates {
  const task = new FollowedTask({ status: 'pending', pending: [] });
  const updates: PushUpdate[] = [];
  let state = stateOf(task, roles);
  let last = 0;
  for (const event of events) {
    if (event.position === null) break;
    last = event.position;
    task.apply(event);
    const next = stateOf(task, roles);
    const isNew = next.state !== state.state || next.text !== state.text;
    if (isNew && last > position) updates.push(statusUpdate(facts, next, event.timestamp, last));
    state = next;
  }
  const isBehind = events.some((event) => event.position === null);
  const isComplete = !isBehind && isTerminal(stateOf(facts, roles).state);
  if (isComplete) updates.push(endUpdate(facts, roles, last));
  return { updates, isComplete, isBehind };
}

function statusUpdate(facts: TaskFacts, state: A2aState, at: Date, position: number): PushUpdate {
  const { id: taskId, trace_id: contextId } = facts;
  const value = {
    taskId,
    contextId,
    status: toStatus(facts, state, new Date(at)),
    metadata: undefined,
  };
  return {
    id: `${taskId}.${position}`,
    position,
    body: jsonOf({ payload: { $case: 'statusUpdate', value } }),
  };
}

/** The id contains the attempt, because a task that was retried ends again. */
function endUpdate(facts: TaskFacts, roles: readonly string[], position: number): PushUpdate {
  const value = toA2aTask(facts, roles, { historyLength: 0 });
  return {
    id: `${facts.id}.end.${facts.session_id}`,
    position,
    body: jsonOf({ payload: { $case: 'task', value } }),
  };
}

function jsonOf(response: StreamResponse): string {
  return JSON.stringify(StreamResponse.toJSON(response));
}
