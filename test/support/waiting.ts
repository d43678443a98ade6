import { request } from 'node:http';
import { expect } from '@jest/globals';
import type { TestApp } from './app.js';
import { eventually } from './eventually.js';
import { metrics } from './work.js';

/** Resolves when this many requests wait at an instance. */
export async function waitingAt(mesh: Pick<TestApp, 'url'>, count: number): Promise<void> {
  const present = async () => (await metrics(mesh))('http_requests_in_flight{kind="waiting"}');
  expect(await eventually(present, (now) => now === count)).toBe(count);
}

/** Sends a request that waits and closes its connection. Returns the milliseconds after which the wait has ended. */
export async function waitAndDisconnect(
  mesh: TestApp,
  path: string,
  token: string,
): Promise<number> {
  const { hostname, port } = new URL(mesh.url);
  const headers = { authorization: `Bearer ${token}` };
  const waiting = request({ hostname, port, path, headers }).end();
  waiting.on('error', () => undefined);
  await waitingAt(mesh, 1);
  const start = performance.now();
  waiting.destroy();
  await waitingAt(mesh, 0);
  return performance.now() - start;
}
