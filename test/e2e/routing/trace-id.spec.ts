import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { routedTask, TASK, type RoutedTask } from '../../support/tasks.js';
import { useSharedApp } from '../../support/kit.js';

describe('trace ids', () => {
  const mesh = useSharedApp();

  const traceOf = async (headers: Record<string, string>) => {
    const answer = await mesh
      .agent('finance')
      .post<RoutedTask>('/tasks/route', { target: 'manager', task: TASK }, headers);
    expect(answer.headers.get('x-trace-id')).toBe(answer.body.trace_id);
    return answer.body.trace_id;
  };

  const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

  const PARENT = '4bf92f3577b34da6a3ce929d0e0e4736';

  const FROM_PARENT = '4bf92f35-77b3-4da6-a3ce-929d0e0e4736';

  it('POST /tasks/route uses X-Trace-Id, in lower case', async () => {
    const trace = randomUUID();
    expect(await traceOf({ 'x-trace-id': trace })).toBe(trace);
    expect(await traceOf({ 'x-trace-id': trace.toUpperCase() })).toBe(trace);
  });

  it('POST /tasks/route uses traceparent without a valid X-Trace-Id', async () => {
    expect(await traceOf({ traceparent: `00-${PARENT}-00f067aa0ba902b7-01` })).toBe(FROM_PARENT);
    expect(await traceOf({ traceparent: `cc-${PARENT}-00f067aa0ba902b7-01-more` })).toBe(
      FROM_PARENT,
    );
    const trace = randomUUID();
    const both = { 'x-trace-id': trace, traceparent: `00-${PARENT}-00f067aa0ba902b7-01` };
    expect(await traceOf(both)).toBe(trace);
    expect(await traceOf({ ...both, 'x-trace-id': 'nonsense' })).toBe(FROM_PARENT);
  });

  it.each<Record<string, string>>([
    { 'x-trace-id': 'nonsense' },
    { 'x-trace-id': PARENT },
    { 'x-trace-id': `{${FROM_PARENT}}` },
    { 'x-trace-id': `${FROM_PARENT}, ${FROM_PARENT}` },
    { traceparent: `ff-${PARENT}-00f067aa0ba902b7-01` },
    { traceparent: `00-${PARENT.toUpperCase()}-00f067aa0ba902b7-01` },
    { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` },
    { traceparent: `00-${PARENT}-${'0'.repeat(16)}-01` },
    { traceparent: PARENT },
    {},
  ])('POST /tasks/route creates a trace id with %j', async (headers) => {
    const trace = await traceOf(headers);
    expect(trace).toMatch(UUID);
    expect(trace).not.toBe(FROM_PARENT);
  });

  it('every event of a task has the trace id of the task and that of its request', async () => {
    const to = newSubject('to');
    const task = await routedTask(mesh, { target: to, task: TASK });
    const request = randomUUID();
    await mesh
      .agent(to)
      .put(`/sessions/${task.session_id}`, { status: 'active' }, { 'x-trace-id': request });
    const events = await mesh.query(
      `SELECT trace_id, metadata->>'request_trace_id' AS request FROM audit_events
      WHERE task_id = $1 ORDER BY timestamp, id`,
      [task.id],
    );
    expect(events).toEqual([
      { trace_id: task.trace_id, request: task.trace_id },
      { trace_id: task.trace_id, request },
    ]);
  });
});
