import { describe, expect, it } from '@jest/globals';
import { type TaskEvent, updatesAfter } from './push-updates.js';
import type { TaskFacts } from './task-facts.js';

const FACTS: TaskFacts = {
  id: '019a1b2c-0000-7000-8000-000000000001',
  trace_id: '019a1b2c-0000-7000-8000-000000000002',
  to_role: 'manager',
  task_type: 'review',
  description: '',
  data: {},
  context: {},
  status: 'active',
  session_id: '019a1b2c-0000-7000-8000-000000000003',
  attempt: 1,
  updated_at: new Date(0),
  result: null,
  error: null,
  pending: [],
};

function event(
  position: number | null,
  event_type: string,
  metadata: Record<string, unknown> = {},
): TaskEvent {
  const timestamp = new Date(1_000 * (position ?? 0));
  return { position, event_type, metadata, timestamp, approval_id: null };
}

const ROUTED = event(3, 'task_routed');
const CLAIMED = event(5, 'task_claimed');
const LOST = event(6, 'session_transitioned', { to: 'expired' });
const OPENED = event(7, 'attempt_opened');
const COMPLETED = event(9, 'session_transitioned', { to: 'completed' });

function statesOf(
  position: number,
  facts: Partial<TaskFacts>,
  ...events: TaskEvent[]
): { states: unknown[]; isComplete: boolean; isBehind: boolean } {
  const { updates, ...rest } = updatesAfter(position, { ...FACTS, ...facts }, events, ['finance']);
  const states = updates.map(({ position: at, body }) => {
    const { statusUpdate, task } = JSON.parse(body) as Record<
      'statusUpdate' | 'task',
      { status: { state: string } } | undefined
    >;
    return [at, statusUpdate ? 'status' : 'task', (statusUpdate ?? task)?.status.state];
  });
  return { states, ...rest };
}

describe('updatesAfter', () => {
  it('returns a status for each new state, and none for the state of a new task', () => {
    expect(statesOf(0, {}, ROUTED, CLAIMED, LOST, OPENED)).toEqual({
      states: [
        [5, 'status', 'TASK_STATE_WORKING'],
        [7, 'status', 'TASK_STATE_SUBMITTED'],
      ],
      isComplete: false,
      isBehind: false,
    });
  });

  it('returns the task when it has ended, after the states before it', () => {
    const ended = { status: 'completed', result: { ok: true } } as const;
    expect(statesOf(0, ended, ROUTED, CLAIMED, COMPLETED)).toEqual({
      states: [
        [5, 'status', 'TASK_STATE_WORKING'],
        [9, 'task', 'TASK_STATE_COMPLETED'],
      ],
      isComplete: true,
      isBehind: false,
    });
  });

  it('continues after a position', () => {
    expect(statesOf(5, {}, ROUTED, CLAIMED, LOST, OPENED).states).toEqual([
      [7, 'status', 'TASK_STATE_SUBMITTED'],
    ]);
    expect(statesOf(7, {}, ROUTED, CLAIMED, LOST, OPENED).states).toEqual([]);
  });

  it('stops before events without a position, so that no state is omitted', () => {
    const ended = { status: 'completed' } as const;
    const late = event(null, 'session_transitioned', { to: 'completed' });
    expect(statesOf(0, ended, ROUTED, CLAIMED, late)).toEqual({
      states: [[5, 'status', 'TASK_STATE_WORKING']],
      isComplete: false,
      isBehind: true,
    });
  });

  it('has an id for each update, equal in each attempt', () => {
    const of = () =>
      updatesAfter(0, { ...FACTS, status: 'cancelled' }, [ROUTED, CLAIMED], []).updates;
    expect(of().map(({ id }) => id)).toEqual([
      `${FACTS.id}.5`,
      `${FACTS.id}.end.${FACTS.session_id}`,
    ]);
    expect(of()).toEqual(of());
  });
});
