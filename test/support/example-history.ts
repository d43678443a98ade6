import { History, type Kind, type Operation, type TryAnswer } from './history.js';
import { check } from './history-check.js';
import type { Stored, StoredEvent, StoredSession } from './stored-rows.js';

export const ROUTED_TASK = JSON.stringify({ task_id: 'task-t1', status: 'accepted' });

export interface Run {
  history: History;
  stored: Stored;
  operations: Record<'task' | 'claim' | 'rival', Operation>;
}

/** A consistent history: a task is routed and the request repeated; one agent claims the attempt, another is refused. */
export function consistentRun(): Run {
  const history = new History();
  const task = operation(history, 'task', 'task', [
    { status: 202, text: ROUTED_TASK },
    { status: 200, replayed: true, text: ROUTED_TASK },
  ]);
  const claimed = JSON.stringify({ id: 's1', version: 2 });
  const claim = operation(history, 'activation', 'claim', [{ status: 200, text: claimed }]);
  const rival = refused(history, 'activation', 'session.claimed');
  return {
    history,
    operations: { task, claim, rival },
    stored: {
      tasks: [{ id: 't1', key: 'task', status: 'active' }],
      sessions: [
        { id: 's1', trace: task.trace, task_id: 't1', attempt: 1, status: 'active', version: 2 },
      ],
      approvals: [],
      events: [
        event(task, { version: 1 }),
        event(claim, { version: 2, from: 'pending', to: 'active' }),
      ],
      records: [
        { key: 'task', body: ROUTED_TASK },
        { key: 'claim', body: claimed },
      ],
    },
  };
}

/** The same, and then the agent that claimed the attempt activates it again with another key. */
export function runWithSecondActivation(version: number, kind: Kind = 'activation'): Run {
  const run = consistentRun();
  const text = JSON.stringify({ id: 's1', version });
  operation(run.history, kind, 'again', [{ status: 200, text }]);
  run.stored.records.push({ key: 'again', body: text });
  return run;
}

/** Another attempt of the task, like the first. */
export function secondAttempt(
  { sessions: [first] }: Stored,
  change: Partial<StoredSession>,
): StoredSession {
  if (!first) throw new Error('There is no first session.');
  return { ...first, id: 's2', ...change };
}

export function rulesOf({ history, stored }: Run): string[] {
  return check(history.operations, stored).map(({ rule }) => rule);
}

/** Adds an operation with these responses, 10 ms apart; undefined is a lost one. */
export function operation(
  history: History,
  kind: Kind,
  key: string,
  answers: readonly (Partial<TryAnswer> | undefined)[],
  from = 10 * history.operations.length,
): Operation {
  const begun = history.begin(kind, key);
  answers.forEach((answer, index) => {
    const times = { start: from + 10 * index, end: from + 10 * index + 5 };
    begun.tries.push(answer ? { ...times, answer: filled(answer) } : lost(times.start, times.end));
  });
  return begun;
}

export function refused(history: History, kind: Kind, code: string): Operation {
  return operation(history, kind, 'refused', [{ status: 409, code }]);
}

export function addAnswer({ tries }: Operation, answer: Partial<TryAnswer>): void {
  tries.push({ start: 100, end: 105, answer: filled(answer) });
}

function filled(answer: Partial<TryAnswer>): TryAnswer {
  return { status: 200, retryAfter: true, replayed: false, text: '{}', ...answer };
}

export function lost(start: number, end: number) {
  return { start, end };
}

export function event({ kind, trace }: Operation, members: Partial<StoredEvent>): StoredEvent {
  const type = kind === 'task' ? 'task_routed' : 'session_transitioned';
  return {
    type,
    trace,
    by_system: false,
    task_id: 't1',
    session_id: 's1',
    approval_id: null,
    version: 1,
    from: null,
    to: null,
    ...members,
  };
}
