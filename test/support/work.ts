import { expect } from '@jest/globals';
import { AttemptTimeoutsService } from '../../src/sessions/attempt-timeouts.service.js';
import type { SessionDto } from '../../src/sessions/dto/session.dto.js';
import type { TaskDetailDto } from '../../src/tasks/dto/task.dto.js';
import type { ClaimedTaskDto } from '../../src/tasks/dto/claim.dto.js';
import type { TaskNodeDto, TimelineDto } from '../../src/tasks/dto/task-history.dto.js';
import { newSubject, type TestApp, tokenFor } from './app.js';
import { type Answer, Client } from './client.js';

/** What is sent is JSON: its times arrive as text. */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Name in keyof T]: Json<T[Name]> }
      : T;

export type SessionBody = Json<SessionDto>;
export type ClaimedBody = Json<ClaimedTaskDto>;
/** A session, or the problem that there is with it. */
export type Written = SessionBody & { code: string; detail: string };
export type TaskBody = Json<TaskDetailDto>;
export type TreeBody = Json<TaskNodeDto>;
export type TimelineBody = Json<TimelineDto>;

/** A role that nobody else has, an agent that asks it for work, and as many agents that do it as needed. */
export class Team {
  readonly role = newSubject('role');
  readonly requesterRole = newSubject('requester');
  /** Routes, cancels and retries. */
  readonly requester: Client;

  constructor(private readonly mesh: TestApp) {
    this.requester = this.agent(this.requesterRole);
  }

  /** An agent with these roles, on another process if one is given. */
  agent(roles: string | readonly string[], mesh = this.mesh): Client {
    return new Client(mesh.url, tokenFor(roles, newSubject('agent')));
  }

  worker(mesh = this.mesh): Client {
    return this.agent(this.role, mesh);
  }

  /** Routes a task to the role; gives its bare id. */
  async route(
    more: Record<string, unknown> = {},
    task: Record<string, unknown> = {},
    by = this.requester,
  ): Promise<string> {
    const routed = await by.post<{ task_id: string }>('/tasks/route', {
      target: this.role,
      task: { task_type: 'review', ...task },
      ...more,
    });
    if (routed.status !== 202) throw new Error(`not routed: ${routed.text}`);
    return routed.body.task_id.slice('task-'.length);
  }

  /** Claims the next task for a worker. */
  async claim(worker = this.worker(), wish: Record<string, unknown> = {}): Promise<ClaimedBody> {
    const claimed = await worker.post<ClaimedBody>('/tasks/claim', wish);
    if (claimed.status !== 200) throw new Error(`not claimed: ${claimed.status} ${claimed.text}`);
    return claimed.body;
  }

  /** Loses the attempt that a worker claims next; gives its session. */
  async loseLease(by = this.worker()): Promise<string> {
    const { session } = await this.claim(by);
    await endLease(this.mesh, session.id);
    expect(await sweepLeases(this.mesh)).toBe(1);
    return session.id;
  }

  async task(id: string): Promise<TaskBody> {
    return (await this.requester.get<TaskBody>(`/tasks/${id}`)).body;
  }

  /** What happened to the task, each event with its reason. */
  async events(id: string): Promise<string[]> {
    const { body } = await this.requester.get<TimelineBody>(`/tasks/${id}/timeline`);
    return body.events.map(({ event, reason }) => [event, reason].filter(Boolean).join(' '));
  }

  async waitsFor(id: string): Promise<TimelineBody['waits_for']> {
    return (await this.requester.get<TimelineBody>(`/tasks/${id}/timeline`)).body.waits_for;
  }
}

/** Does something so many times, one after the other. */
export async function repeat(count: number, act: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done += 1) await act();
}

/** A worker's say on its session. */
export function finish(
  worker: Client,
  sessionId: string,
  how: Record<string, unknown> = { status: 'completed' },
): Promise<Answer<Written>> {
  return worker.put<Written>(`/sessions/${sessionId}`, how);
}

export const RETRYABLE_FAILURE = { status: 'failed', error: 'no', retryable: true };

/** Lets the lease of a session end, which nobody notices until {@link sweepLeases}. */
export async function endLease(mesh: TestApp, sessionId: string): Promise<void> {
  await mesh.query(
    `UPDATE sessions SET lease_expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`,
    [sessionId],
  );
}

export function sweepLeases(mesh: TestApp): Promise<number> {
  return mesh.app.get(AttemptTimeoutsService).sweepLeases();
}

/**
 * Lets the deadline of a task pass, which nobody notices until {@link sweepDeadlines}. Two statements, so that it never
 * holds the lock of the task while it waits for that of a session: requests lock the session first.
 */
export async function endDeadline(mesh: TestApp, taskId: string): Promise<void> {
  const [passed] = await mesh.query<{ at: string }>(
    `SELECT (clock_timestamp() - interval '1 second')::text AS at`,
  );
  for (const change of [
    'UPDATE sessions SET deadline_at = $2 WHERE task_id = $1',
    'UPDATE tasks SET deadline_at = $2 WHERE id = $1',
  ]) {
    await mesh.query(change, [taskId, passed?.at]);
  }
}

export function sweepDeadlines(mesh: TestApp): Promise<number> {
  return mesh.app.get(AttemptTimeoutsService).sweepDeadlines();
}

/** Ends the pause before the task's next attempt. */
export async function endPause(mesh: TestApp, taskId: string): Promise<void> {
  await mesh.query(
    `UPDATE sessions SET not_before = created_at WHERE task_id = $1 AND status = 'pending'`,
    [taskId],
  );
}

/** Makes a task's attempts as old as if they were opened that many days ago. */
export async function ageBy(mesh: TestApp, taskId: string, days: number): Promise<void> {
  await mesh.query(
    `UPDATE sessions SET created_at = created_at - make_interval(days => $2) WHERE task_id = $1`,
    [taskId, days],
  );
}

/** Reads values of the metrics as they are now; 0 where there is none yet. */
export async function metrics(mesh: Pick<TestApp, 'url'>): Promise<(name: string) => number> {
  const { text } = await new Client(mesh.url, tokenFor('admin')).get('/metrics');
  const values = new Map(
    text.split('\n').map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))] as const;
    }),
  );
  return (name) => values.get(name) ?? 0;
}

/** Which rules that hold for all tasks at all times are broken, and where. */
export function brokenRules(mesh: TestApp): Promise<{ rule: string; id: string }[]> {
  return mesh.query<{ rule: string; id: string }>(BROKEN_RULES);
}

const BROKEN_RULES = `
  WITH attempts AS (
    SELECT task_id, count(*) AS number, max(attempt) AS highest,
           count(*) FILTER (WHERE status IN ('pending', 'active')) AS open,
           count(*) FILTER (WHERE status = 'completed') AS completed,
           max(attempt) FILTER (WHERE status IN ('pending', 'active', 'completed')) AS last
      FROM sessions WHERE attempt IS NOT NULL GROUP BY task_id
  ), versions AS (
    SELECT s.id, s.version, array_agg((e.metadata ->> 'version')::integer ORDER BY e.timestamp, e.id) AS told
      FROM sessions s LEFT JOIN audit_events e ON e.session_id = s.id GROUP BY s.id
  )
  SELECT 'one open attempt at most' AS rule, task_id AS id FROM attempts WHERE open > 1
  UNION ALL SELECT 'attempts without gaps', task_id FROM attempts WHERE number <> highest
  UNION ALL SELECT 'completed at most once', task_id FROM attempts WHERE completed > 1
  UNION ALL SELECT 'nothing after an open or completed attempt', task_id FROM attempts WHERE last < highest
  UNION ALL SELECT 'one event for each version', id FROM versions
    WHERE told IS DISTINCT FROM ARRAY(SELECT generate_series(1, version))
  UNION ALL SELECT 'one completion event', task_id FROM audit_events
    WHERE metadata ->> 'to' = 'completed' GROUP BY task_id HAVING count(*) > 1
  UNION ALL SELECT 'a task has an attempt', t.id FROM tasks t
    WHERE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.task_id = t.id)`;
