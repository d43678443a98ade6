import { afterAll, beforeAll, expect } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { DataSource } from 'typeorm';
import { newDatabase, startTestApp, type TestApp, type TestAppOptions } from './app.js';
import type { Answer, Client } from './client.js';
import { eventually } from './eventually.js';
import { dropTestDatabase } from './postgres.js';
import { undescribedMembers } from './recorded-events.js';

/**
 * The application of a `describe`. It starts before the first test and stops after the last.
 *
 * @param options a function, if they contain what an earlier hook creates
 */
export function useApp(options?: TestAppOptions | (() => TestAppOptions)): TestApp {
  const mesh = new HookedApp();
  beforeAll(async () => {
    mesh.running = await startTestApp(typeof options === 'function' ? options() : options);
  });
  afterAll(() => mesh.close());
  return mesh;
}

const LISTENERS = `
  SELECT 1 FROM pg_stat_activity
   WHERE datname = current_database() AND application_name LIKE '%signals'
     AND state = 'idle' AND query LIKE 'LISTEN%'`;

/** Two applications of a `describe`, on one database. Both listen for notifications before the first test. */
export function useTwoApps(env: TestAppOptions['env']): readonly [TestApp, TestApp] {
  const one = new HookedApp();
  const two = new HookedApp();
  let databaseUrl: string;
  beforeAll(async () => {
    databaseUrl = await newDatabase();
    [one.running, two.running] = await Promise.all([
      startTestApp({ databaseUrl, env }),
      startTestApp({ databaseUrl, env }),
    ]);
    const listeners = async () => (await one.query(LISTENERS)).length;
    expect(await eventually(listeners, (count) => count === 2)).toBe(2);
  });
  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await dropTestDatabase(databaseUrl);
  });
  return [one, two];
}

let shared: Promise<TestApp> | undefined;
const closers: (() => Promise<unknown>)[] = [];

/**
 * The application with default settings that all specs of a folder share. The first test that needs it starts it;
 * `importSpecs` stops it after the last test of the folder.
 */
export function useSharedApp(): TestApp {
  const mesh = new HookedApp();
  beforeAll(async () => {
    shared ??= startTestApp();
    mesh.running = await shared;
  });
  return mesh;
}

/** Registers what is closed after the last test of the folder, before the shared application. */
export function closeAfterFolder(close: () => Promise<unknown>): void {
  closers.push(close);
}

/** Closes everything that the specs of a folder share. */
export async function closeShared(): Promise<void> {
  await Promise.all(closers.map((close) => close()));
  const mesh = await shared;
  const undescribed = mesh ? await undescribedMembers(mesh) : [];
  await mesh?.close();
  expect(undescribed).toEqual([]);
}

/** Stands for an application that a hook starts, so that a `describe` can name it before. */
class HookedApp implements TestApp {
  private started?: TestApp;

  set running(app: TestApp) {
    this.started = app;
  }

  get running(): TestApp {
    if (!this.started) throw new Error('The application starts in beforeAll.');
    return this.started;
  }

  get app(): NestExpressApplication {
    return this.running.app;
  }

  get url(): string {
    return this.running.url;
  }

  get databaseUrl(): string {
    return this.running.databaseUrl;
  }

  get dataSource(): DataSource {
    return this.running.dataSource;
  }

  query<Row = Record<string, unknown>>(text: string, parameters?: unknown[]): Promise<Row[]> {
    return this.running.query<Row>(text, parameters);
  }

  agent(roles: string | readonly string[], sub?: string): Client {
    return this.running.agent(roles, sub);
  }

  close(): Promise<void> {
    return this.running.close();
  }
}

/** Routes a task between two roles; returns its prefixed id. */
export async function routeTask(
  mesh: TestApp,
  from: string,
  to: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const routed = await mesh
    .agent(from)
    .post<{ task_id: string }>(
      '/tasks/route',
      { target: to, task: { task_type: 'approval' } },
      headers,
    );
  expect(routed.status).toBe(202);
  return routed.body.task_id;
}

/** An agent of a development token, as the audit log names it. */
export function actorOf(sub: string): string {
  return `agent-mesh-dev#${sub}`;
}

/** Expects a problem document (RFC 9457) with this status and code, which is never a replay. */
export function expectProblem(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(answer.headers.get('idempotent-replayed')).not.toBe('true');
}

/** The statuses of the answers, in ascending order. */
export function statusesOf(answers: readonly Answer[]): number[] {
  return answers.map(({ status }) => status).sort();
}

/** Makes a list of `count` items. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
