import { describe, expect, it } from '@jest/globals';
import { History, type Kind, type Operation, type TryAnswer } from '../support/history.js';
import { check } from '../support/history-check.js';
import type { Stored, StoredEvent, StoredSession } from '../support/stored.js';

const TASK = JSON.stringify({ task_id: 'task-t1', status: 'accepted' });

describe('the checker of histories', () => {
  it('finds nothing in a sound history', () => {
    expect(rulesOf(soundRun())).toEqual([]);
  });

  it('takes an unknown outcome for nothing done, and for all done', () => {
    const run = soundRun();
    const unknown = operation(run.history, 'task', 'unknown', [undefined]);
    unknown.abandoned = true;
    run.operations.task.tries.splice(0, 2, lost(0, 1));
    run.operations.task.abandoned = true;
    expect(rulesOf(run)).toEqual([]);
  });

  it('takes an activation for carried out that finds the session active by an earlier one', () => {
    expect(rulesOf(activatedAgain(2))).toEqual([]);
  });

  it.each<[string, string, (run: Run) => void]>([
    [
      'a 500',
      'no 5xx but 503',
      ({ operations }) => {
        answerMore(operations.task, { status: 500, text: '{}' });
      },
    ],
    [
      'a 503 that does not say when to come again',
      'Retry-After',
      ({ operations }) => {
        answerMore(operations.task, { status: 503, retryAfter: false });
      },
    ],
    [
      'a refusal for no reason',
      'refused without cause',
      ({ history }) => refused(history, 'task', 'session.claimed'),
    ],
    [
      'a replay that differs in a byte',
      'equal answers',
      ({ operations }) => {
        answerMore(operations.task, { status: 200, replayed: true, text: `${TASK} ` });
      },
    ],
    [
      'two answers that both claim to be the first',
      'one original answer',
      ({ operations }) => {
        answerMore(operations.task, { status: 202, text: TASK });
      },
    ],
    [
      'a replay with the status of the first answer',
      'status',
      ({ operations }) => {
        answerMore(operations.task, { status: 202, replayed: true, text: TASK });
      },
    ],
    [
      'a refusal of what was acknowledged',
      'refused and acknowledged',
      ({ operations }) => {
        answerMore(operations.claim, { status: 409, code: 'session.claimed' });
      },
    ],
    [
      'an operation that never settles',
      'settled in the end',
      ({ history }) => operation(history, 'task', 'stuck', [undefined]),
    ],
    [
      'a second task for one key',
      'stored at most once',
      ({ stored }) => stored.tasks.push({ id: 't2', key: 'task', status: 'active' }),
    ],
    [
      'an acknowledged task that is not there',
      'acknowledged is stored',
      ({ stored }) => (stored.tasks = []),
    ],
    [
      'another task than the acknowledged one',
      'what is stored is what was told',
      ({ stored }) => (stored.tasks = [{ id: 't9', key: 'task', status: 'active' }]),
    ],
    [
      'a refused change that happened',
      'refused is not stored',
      ({ stored, operations }) => stored.events.push(event(operations.rival, { version: 3 })),
    ],
    [
      'a task without its event',
      'one event per effect',
      ({ stored }) => (stored.events = stored.events.filter(({ type }) => type !== 'task_routed')),
    ],
    [
      'a second event for one task',
      'one event per effect',
      ({ stored, operations }) => stored.events.push(event(operations.task, { version: 0 })),
    ],
    ['a task without its record', 'one record per effect', ({ stored }) => (stored.records = [])],
    [
      'a record of nothing',
      'one record per effect',
      ({ stored, operations }) => stored.records.push({ key: operations.rival.key, body: '{}' }),
    ],
    [
      'a record with another body',
      'the record is what was told',
      ({ stored }) => (stored.records = stored.records.map(({ key }) => ({ key, body: '{}' }))),
    ],
    [
      'an event of no request',
      'nothing unasked',
      ({ stored, operations }) =>
        stored.events.push({ ...event(operations.task, { version: 0 }), trace: 'nobody' }),
    ],
    [
      'a task without an attempt',
      'attempts without gaps',
      ({ stored }) => {
        stored.sessions.forEach((session) => (session.attempt = null));
      },
    ],
    [
      'a task whose second attempt is missing',
      'attempts without gaps',
      ({ stored }) => stored.sessions.push(another(stored, { attempt: 3 })),
    ],
    [
      'a task with two open attempts',
      'one attempt open or completed',
      ({ stored }) => stored.sessions.push(another(stored, { attempt: 2 })),
    ],
    [
      'a task that was completed, and done again',
      'one attempt open or completed',
      ({ stored }) => {
        stored.sessions.push(another(stored, { attempt: 2 }));
        stored.sessions.forEach((session) => (session.status = 'completed'));
      },
    ],
    [
      'a change that left no event',
      'versions without gaps',
      ({ stored }) => {
        stored.sessions.forEach((session) => (session.version = 3));
      },
    ],
    [
      'a version that two changes made',
      'versions without gaps',
      ({ stored }) => {
        stored.events.forEach((each) => (each.version &&= 1));
      },
    ],
    [
      'a step that the lifecycle does not have',
      'legal steps',
      ({ stored }) => {
        stored.events.forEach((each) => (each.to &&= 'completed'));
      },
    ],
    [
      'a status that no step leads to',
      'legal steps',
      ({ stored }) => {
        stored.sessions.forEach((session) => (session.status = 'failed'));
      },
    ],
    [
      'an approval decided by nobody',
      'one decision per approval',
      ({ stored }) =>
        stored.approvals.push({ id: 'a1', status: 'approved', asked_with: '', decided_with: '' }),
    ],
    [
      'an approval decided twice',
      'one decision per approval',
      ({ stored, operations }) => {
        const decided = { type: 'approval_decided', approval_id: 'a1', version: 0 };
        stored.approvals.push({ id: 'a1', status: 'approved', asked_with: '', decided_with: '' });
        stored.events.push(event(operations.task, decided), event(operations.task, decided));
      },
    ],
    [
      'an approval decided, and withdrawn all the same',
      'one decision per approval',
      ({ stored, operations }) => {
        const told = { approval_id: 'a1', version: 0 };
        stored.approvals.push({ id: 'a1', status: 'withdrawn', asked_with: '', decided_with: '' });
        stored.events.push(
          event(operations.task, { ...told, type: 'approval_decided' }),
          event(operations.task, { ...told, type: 'approval_withdrawn' }),
        );
      },
    ],
    [
      'changes that the trail has in another order than they were made in',
      'versions without gaps',
      ({ stored }) => stored.events.reverse(),
    ],
    [
      'a change that took effect after one that began later',
      'real-time order',
      ({ history, stored }) => {
        const text = JSON.stringify({ id: 's1', version: 3 });
        const early = operation(history, 'transition', 'early', [{ status: 200, text }], -50);
        stored.events.push(event(early, { version: 3 }));
      },
    ],
  ])('reports %s', (_, rule, spoil) => {
    const run = soundRun();
    spoil(run);
    expect(rulesOf(run)).toContain(rule);
  });

  it('reports an activation that was told a version which nothing made', () => {
    expect(rulesOf(activatedAgain(3))).toContain('acknowledged is stored');
  });

  it('reports any other change that was told what another one had made', () => {
    const run = activatedAgain(2, 'transition');
    expect(rulesOf(run)).toContain('acknowledged is stored');
  });
});

interface Run {
  history: History;
  stored: Stored;
  operations: Record<'task' | 'claim' | 'rival', Operation>;
}

/** A task is routed, the request is repeated; one agent claims its attempt and another one is refused. */
function soundRun(): Run {
  const history = new History();
  const task = operation(history, 'task', 'task', [
    { status: 202, text: TASK },
    { status: 200, replayed: true, text: TASK },
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
        { key: 'task', body: TASK },
        { key: 'claim', body: claimed },
      ],
    },
  };
}

/** The same, and then the agent that had claimed the attempt asks for it once more, with another key. */
function activatedAgain(version: number, kind: Kind = 'activation'): Run {
  const run = soundRun();
  const text = JSON.stringify({ id: 's1', version });
  operation(run.history, kind, 'again', [{ status: 200, text }]);
  run.stored.records.push({ key: 'again', body: text });
  return run;
}

/** Another attempt of the task, like the first. */
function another({ sessions: [first] }: Stored, change: Partial<StoredSession>): StoredSession {
  if (!first) throw new Error('there is no first one');
  return { ...first, id: 's2', ...change };
}

function rulesOf({ history, stored }: Run): string[] {
  return check(history.operations, stored).map(({ rule }) => rule);
}

/** An operation with these answers, 10 ms apart; undefined is none. */
function operation(
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

function refused(history: History, kind: Kind, code: string): Operation {
  return operation(history, kind, 'refused', [{ status: 409, code }]);
}

function answerMore({ tries }: Operation, answer: Partial<TryAnswer>): void {
  tries.push({ start: 100, end: 105, answer: filled(answer) });
}

function filled(answer: Partial<TryAnswer>): TryAnswer {
  return { status: 200, retryAfter: true, replayed: false, text: '{}', ...answer };
}

function lost(start: number, end: number) {
  return { start, end };
}

function event({ kind, trace }: Operation, story: Partial<StoredEvent>): StoredEvent {
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
    ...story,
  };
}
