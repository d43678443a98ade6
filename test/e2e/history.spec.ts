import { describe, expect, it } from '@jest/globals';
import {
  rulesOf,
  consistentRun,
  operation,
  lost,
  runWithSecondActivation,
  Run,
  addAnswer,
  refused,
  event,
  secondAttempt,
  ROUTED_TASK,
} from '../support/example-history.js';

describe('history check', () => {
  it('reports nothing for a consistent history', () => {
    expect(rulesOf(consistentRun())).toEqual([]);
  });

  it('accepts an unknown outcome with and without its effect', () => {
    const run = consistentRun();
    const unknown = operation(run.history, 'task', 'unknown', [undefined]);
    unknown.abandoned = true;
    run.operations.task.tries.splice(0, 2, lost(0, 1));
    run.operations.task.abandoned = true;
    expect(rulesOf(run)).toEqual([]);
  });

  it('accepts an activation of a session that an earlier request activated', () => {
    expect(rulesOf(runWithSecondActivation(2))).toEqual([]);
  });

  it.each<[string, string, (run: Run) => void]>([
    [
      'a 500',
      'no 5xx but 503',
      ({ operations }) => {
        addAnswer(operations.task, { status: 500, text: '{}' });
      },
    ],
    [
      'a 503 without Retry-After',
      'Retry-After',
      ({ operations }) => {
        addAnswer(operations.task, { status: 503, retryAfter: false });
      },
    ],
    [
      'an error without a cause',
      'refused without cause',
      ({ history }) => refused(history, 'task', 'session.claimed'),
    ],
    [
      'a replay that differs in a byte',
      'equal answers',
      ({ operations }) => {
        addAnswer(operations.task, { status: 200, replayed: true, text: `${ROUTED_TASK} ` });
      },
    ],
    [
      'two responses that are not replays',
      'one original answer',
      ({ operations }) => {
        addAnswer(operations.task, { status: 202, text: ROUTED_TASK });
      },
    ],
    [
      'a replay with the status of the first answer',
      'status',
      ({ operations }) => {
        addAnswer(operations.task, { status: 202, replayed: true, text: ROUTED_TASK });
      },
    ],
    [
      'an error after an acknowledgement',
      'refused and acknowledged',
      ({ operations }) => {
        addAnswer(operations.claim, { status: 409, code: 'session.claimed' });
      },
    ],
    [
      'an operation without an outcome',
      'settled in the end',
      ({ history }) => operation(history, 'task', 'stuck', [undefined]),
    ],
    [
      'a second task for one key',
      'stored at most once',
      ({ stored }) => stored.tasks.push({ id: 't2', key: 'task', status: 'active' }),
    ],
    [
      'an acknowledged task that is not stored',
      'acknowledged is stored',
      ({ stored }) => (stored.tasks = []),
    ],
    [
      'another task than the acknowledged one',
      'what is stored is what was told',
      ({ stored }) => (stored.tasks = [{ id: 't9', key: 'task', status: 'active' }]),
    ],
    [
      'a refused change that is stored',
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
      'a record without an effect',
      'one record per effect',
      ({ stored, operations }) => stored.records.push({ key: operations.rival.key, body: '{}' }),
    ],
    [
      'a record with another body',
      'the record is what was told',
      ({ stored }) => (stored.records = stored.records.map(({ key }) => ({ key, body: '{}' }))),
    ],
    [
      'an event without a request',
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
      ({ stored }) => stored.sessions.push(secondAttempt(stored, { attempt: 3 })),
    ],
    [
      'a task with two open attempts',
      'one attempt open or completed',
      ({ stored }) => stored.sessions.push(secondAttempt(stored, { attempt: 2 })),
    ],
    [
      'a second attempt of a completed task',
      'one attempt open or completed',
      ({ stored }) => {
        stored.sessions.push(secondAttempt(stored, { attempt: 2 }));
        stored.sessions.forEach((session) => (session.status = 'completed'));
      },
    ],
    [
      'a change without an event',
      'versions without gaps',
      ({ stored }) => {
        stored.sessions.forEach((session) => (session.version = 3));
      },
    ],
    [
      'a version with two changes',
      'versions without gaps',
      ({ stored }) => {
        stored.events.forEach((each) => (each.version &&= 1));
      },
    ],
    [
      'an invalid transition',
      'legal steps',
      ({ stored }) => {
        stored.events.forEach((each) => (each.to &&= 'completed'));
      },
    ],
    [
      'a status without a transition',
      'legal steps',
      ({ stored }) => {
        stored.sessions.forEach((session) => (session.status = 'failed'));
      },
    ],
    [
      'a decided approval without a decision',
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
      'a decided approval that is withdrawn',
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
      'events in another order than their versions',
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
    const run = consistentRun();
    spoil(run);
    expect(rulesOf(run)).toContain(rule);
  });

  it('reports an activation with a version that no event made', () => {
    expect(rulesOf(runWithSecondActivation(3))).toContain('acknowledged is stored');
  });

  it('reports another change with a version that another request made', () => {
    const run = runWithSecondActivation(2, 'transition');
    expect(rulesOf(run)).toContain('acknowledged is stored');
  });
});
