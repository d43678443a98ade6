import { describe, expect, it } from '@jest/globals';
import { A2A_JSON, bindingOf, mayWait, restPathOf } from './a2a-path.js';

describe('The paths of A2A agents', () => {
  it.each([
    ['/a2a/manager', 'jsonrpc'],
    ['/a2a/manager?x=1', 'jsonrpc'],
    ['/a2a/manager/v1/tasks', 'rest'],
    ['/a2a/v1/v1/tasks?pageSize=5', 'rest'],
    ['/a2a/manager/v12/tasks', undefined],
    ['/a2a/manager/.well-known/agent-card.json', undefined],
    ['/a2a/', undefined],
    ['/tasks', undefined],
  ])('%s has the binding %s', (url, binding) => {
    expect(bindingOf(url)).toBe(binding);
  });

  it.each([
    ['/a2a/manager/v1/tasks', '/tasks'],
    ['/a2a/v1/v1/tasks/v1', '/tasks/v1'],
    ['/a2a/%2Fv1%2F/v1/message:send', '/message:send'],
  ])('%s is the operation %s', (path, operation) => {
    expect(restPathOf(path)).toBe(operation);
  });

  it.each([
    ['/a2a/manager', true],
    ['/a2a/manager/v1/message:send', true],
    ['/a2a/manager/v1/message:stream', true],
    ['/a2a/manager/v1/tasks/1:subscribe', true],
    ['/a2a/manager/v1/tasks', false],
    ['/a2a/manager/v1/tasks/1', false],
    ['/a2a/manager/v1/tasks/1:cancel', false],
    ['/tasks/wait', false],
  ])('a request to %s may wait: %s', (path, expected) => {
    expect(mayWait({ path })).toBe(expected);
  });

  it.each([
    ['/a2a/manager/v1/message:send', true],
    ['/a2a/manager', false],
    ['/tasks/route', false],
  ])('a body of the media type of A2A on %s: %s', (path, expected) => {
    expect(A2A_JSON.isOn(path)).toBe(expected);
  });
});
