import { describe, expect, it } from '@jest/globals';
import { createClient } from './client.js';

describe('An id in a path', () => {
  const sent: string[] = [];
  const client = createClient({
    baseUrl: 'http://localhost:8088',
    fetch: (input) => {
      sent.push(input instanceof Request ? input.url : String(input));
      return Promise.resolve(Response.json({}));
    },
  });

  it.each(['', '.', '..'])('is not %j, which would name another route', async (id) => {
    sent.length = 0;
    for (const call of [
      () => client.tasks.claim(id),
      () => client.tasks.get(id),
      () => client.webhooks.delete(id),
      () => client.audit.proof(id),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'mesh.path_invalid' });
    }

    expect(sent).toEqual([]);
  });

  it.each(['/tasks/%2e/claim', '/tasks/.%2E', '/tasks//claim', '/tasks/'])(
    'is not in the path %s of a request',
    async (path) => {
      await expect(client.request({ method: 'GET', path })).rejects.toMatchObject({
        code: 'mesh.path_invalid',
      });
    },
  );

  it('can contain dots and slashes', async () => {
    sent.length = 0;
    await client.tasks.get('...');
    await client.tasks.get('../health');
    await client.request({ method: 'GET', path: '/' });

    expect(sent).toEqual([
      'http://localhost:8088/tasks/...',
      'http://localhost:8088/tasks/..%2Fhealth',
      'http://localhost:8088/',
    ]);
  });
});
