import { describe, expect, it } from '@jest/globals';
import { kindOf } from './request-kind.js';

const ofRequest = (method: string, url: string) =>
  kindOf({ method, url, path: url.split('?')[0] ?? '' });

describe('The kind of a request', () => {
  it.each([
    ['GET', '/tasks/wait'],
    ['HEAD', '/tasks/wait?wait_seconds=5'],
    ['POST', '/mcp'],
    ['GET', '/events/stream'],
    ['GET', '/events?after=0&wait_seconds=5'],
    ['GET', '/sessions/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c?wait_seconds=25'],
    ['GET', '/sessions/task-019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c?version=3&wait%5Fseconds=1'],
    ['HEAD', '/sessions/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c?wait_seconds=25'],
    ['GET', '/tasks/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c?wait_seconds=25&until=finished'],
    ['GET', '/approvals/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c?wait_seconds=25'],
  ])('is waiting: %s %s', (method, url) => {
    expect(ofRequest(method, url)).toBe('waiting');
  });

  it.each([
    ['GET', '/sessions/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c'],
    ['GET', '/sessions/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c?version=3'],
    ['PUT', '/sessions/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c?wait_seconds=25'],
    ['GET', '/sessions?wait_seconds=25'],
    ['POST', '/sessions/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c/heartbeat?wait_seconds=25'],
    ['GET', '/events?after=0'],
    ['GET', '/tasks/waiting'],
    // Routing is strict: these paths have no route that waits.
    ['GET', '/Tasks/Wait?wait_seconds=5'],
    ['GET', '/tasks/wait/?wait_seconds=5'],
    ['GET', '//tasks/wait'],
    ['POST', '/MCP'],
    ['POST', '/mcp/'],
    ['GET', '/tasks?wait_seconds=25'],
    ['GET', '/tasks/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c/timeline?wait_seconds=25'],
    ['POST', '/approvals/019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c/decision?wait_seconds=25'],
  ])('is working: %s %s', (method, url) => {
    expect(ofRequest(method, url)).toBe('working');
  });
});
