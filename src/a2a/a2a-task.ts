import type { Artifact, Message, Task, TaskStatus } from '@a2a-js/sdk';
import { type A2aState, stateOf } from './a2a-state.js';
import { firstMessageOf, statusMessage } from './a2a-message.js';
import type { TaskFacts } from './task-facts.js';

/** The parts of a task that a response contains. */
export interface TaskView {
  /** Maximum number of the last messages. Undefined: all. */
  readonly historyLength?: number | undefined;
  /** Messages after the first one, oldest first. */
  readonly further?: readonly Message[];
  readonly includeArtifacts?: boolean;
}

/** Returns a task in the form of the protocol, for a caller with these roles. */
export function toA2aTask(
  facts: TaskFacts,
  roles: readonly string[],
  { historyLength, further = [], includeArtifacts = true }: TaskView = {},
): Task {
  const messages = [firstMessageOf(facts), ...further];
  const { id, trace_id, task_type, status, attempt, session_id } = facts;
  return {
    id,
    contextId: trace_id,
    status: toStatus(facts, stateOf(facts, roles), facts.updated_at),
    artifacts: includeArtifacts ? artifactsOf(facts) : [],
    history: historyLength === undefined ? messages : lastOf(messages, historyLength),
    metadata: {
      'mesh.taskType': task_type,
      'mesh.status': status,
      'mesh.attempt': attempt,
      'mesh.sessionId': session_id,
    },
  };
}

function lastOf<T>(items: readonly T[], count: number): T[] {
  return count === 0 ? [] : items.slice(-count);
}

/** Returns the status of a task. Its message has a constant id, so that repeated reads return the same message. */
export function toStatus(
  facts: Pick<TaskFacts, 'id' | 'trace_id' | 'session_id'>,
  { state, text }: A2aState,
  at: Date,
): TaskStatus {
  const messageId = `${facts.session_id}:${state}`;
  return {
    state,
    message: text === undefined ? undefined : statusMessage(facts, messageId, text),
    timestamp: at.toISOString(),
  };
}

/** The result of a completed task is its only artifact. */
export function artifactsOf({ status, session_id, result }: TaskFacts): Artifact[] {
  if (status !== 'completed' || result === null) return [];
  return [
    {
      artifactId: session_id,
      name: 'result',
      description: '',
      parts: [
        {
          content: { $case: 'data', value: result },
          metadata: undefined,
          filename: '',
          mediaType: 'application/json',
        },
      ],
      metadata: undefined,
      extensions: [],
    },
  ];
}
