import { type CloudEvent, digestOf, isProblem } from '@agent-mesh/client';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { times, useApp } from '../../support/kit.js';
import { interceptingFetch, meshClient } from '../../support/mesh-client.js';

const WAIT_MS = 60_000;

describe('The client', () => {
  const mesh = useApp();
  const task = (target: string, data = {}) => ({ target, task: { task_type: 'review', data } });

  /** A requester and a worker of roles that no other test uses. */
  const pair = (options = {}) => {
    const role = newSubject('role');
    return {
      role,
      requester: meshClient(mesh, newSubject('requester'), options),
      worker: meshClient(mesh, role),
    };
  };

  it.each([408, 425, 429, 500, 502, 503, 504])(
    'executes a write once whose response is lost or %d',
    async (status) => {
      let sent = 0;
      const keys = new Set<string | null>();
      const flaky: typeof fetch = async (input, init) => {
        keys.add(new Headers(init?.headers).get('idempotency-key'));
        sent += 1;
        if (sent === 2) return new Response('', { status, headers: { 'retry-after': '0' } });
        const response = await fetch(input, init);
        if (sent > 1) return response;
        await response.text();
        throw new TypeError('fetch failed');
      };
      const { role, worker, requester } = pair({ fetch: flaky });
      const { task_id } = await requester.tasks.route(task(role));
      const inbox = await worker.tasks.list({ status: 'pending' }).all();

      expect({ sent, keys: keys.size }).toEqual({ sent: 3, keys: 1 });
      expect(inbox.map(({ id }) => `task-${id}`)).toEqual([task_id]);
    },
  );

  it('throws the problem of a refused request, and does not repeat it', async () => {
    let sent = 0;
    const count = interceptingFetch(() => true, { before: () => void (sent += 1) });
    const { requester } = pair({ fetch: count });
    const refused = await requester.tasks.route(task('a, b')).catch((error: unknown) => error);

    expect(isProblem(refused, 'request.invalid')).toBe(true);
    expect(refused).toMatchObject({
      name: 'ProblemError',
      status: 400,
      trace_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      errors: [{ pointer: '/target' }],
    });
    expect(sent).toBe(1);
  });

  it('does not repeat a PATCH or DELETE request that may have been executed', async () => {
    let sent = 0;
    const fail: typeof fetch = () => {
      sent += 1;
      return Promise.reject(new TypeError('fetch failed'));
    };
    const { requester } = pair({ fetch: fail });

    await expect(requester.webhooks.delete('id')).rejects.toMatchObject({
      code: 'mesh.unreachable',
    });
    expect(sent).toBe(1);
  });

  it('ends a request at its time limit, and with its signal', async () => {
    const silent: typeof fetch = (_input, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => {
          reject(new Error('aborted'));
        });
      });
    const { requester } = pair({ fetch: silent, maxRetries: 0 });
    const reason = new Error('no longer needed');

    await expect(requester.me({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'mesh.timeout' });
    await expect(requester.me({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('iterates over all pages of a list', async () => {
    const { role, requester } = pair();
    const routed = await Promise.all(times(7, () => requester.tasks.route(task(role))));
    const listed = await requester.tasks.list({ page_size: 2 }).all();

    expect(new Set(listed.map(({ id }) => `task-${id}`))).toEqual(
      new Set(routed.map(({ task_id }) => task_id)),
    );
    expect(await requester.tasks.list({ page_size: 2 }).all(3)).toHaveLength(3);
  });

  it('waits for the end of a task, and throws if it was not completed', async () => {
    const { role, requester, worker } = pair();
    const { task_id } = await requester.tasks.route(task(role));
    const ended = requester.tasks.result(task_id, { timeoutMs: WAIT_MS });
    const claimed = await worker.tasks.claimNext();
    await worker.sessions.fail(claimed?.session.id ?? '', { error: 'no', retryable: false });

    await expect(ended).rejects.toMatchObject({
      name: 'TaskEndedError',
      code: 'mesh.task_failed',
      message: 'The task is failed: no',
    });
    const { task_id: open } = await requester.tasks.route(task(role));
    await expect(requester.tasks.result(open, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'mesh.wait_timeout',
    });
  });

  it('reads events in order, each once, over lost connections', async () => {
    let connections = 0;
    const breaking = interceptingFetch((request) => request === 'GET /events/stream', {
      after: (response) => {
        connections += 1;
        return connections > 4 ? response : new Response(firstEvents(response), response);
      },
    });
    const { role, requester } = pair();
    const reader = meshClient(mesh, role, { fetch: breaking });
    const { next } = (
      await reader.request({ method: 'GET', path: '/events', query: { after: 'head' } })
    ).body as { next: string };
    const routed = await Promise.all(times(8, () => requester.tasks.route(task(role))));
    const read: CloudEvent[] = [];
    for await (const { event } of reader.events({ after: next, types: ['task.routed'] })) {
      read.push(event);
      if (read.length === routed.length) break;
    }
    const positions = read.map(({ sequence }) => Number(sequence));

    expect(new Set(read.map(({ subject }) => subject))).toEqual(
      new Set(routed.map(({ task_id }) => task_id)),
    );
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    expect(connections).toBe(4);
  });

  it('reports a cursor that is not valid', async () => {
    const { requester } = pair();

    await expect(requester.events({ after: 'garbage' }).next()).rejects.toMatchObject({
      code: 'events.cursor_invalid',
    });
  });

  it('consumes an approval by its payload', async () => {
    const { role, requester } = pair();
    const cfo = newSubject('cfo');
    const payload = { amount: 5e4, to: 'Größe', nested: [1, { b: null, a: true }] };
    const { task_id } = await requester.tasks.route(task(role));
    const { approval_id } = await requester.approvals.request({
      task_id,
      approver_role: cfo,
      payload,
    });
    await meshClient(mesh, cfo).approvals.approve(approval_id);
    const decided = await requester.approvals.decision(approval_id, { timeoutMs: WAIT_MS });
    const consumed = await requester.approvals.consume(approval_id, { payload });

    expect(decided.digest).toBe(await digestOf(payload));
    expect(consumed.consumed_at).not.toBeNull();
  });

  it('is refused with a URL or credentials that cannot work', () => {
    expect(() => meshClient({ url: 'localhost' }, 'x')).toThrow('baseUrl is not a URL');
    expect(() => meshClient(mesh, 'x', { token: 'a', tokenFile: 'b' })).toThrow('only one of');
  });
});

/** The first two events of a stream, as of a connection that ends after them. */
function firstEvents(response: Response): ReadableStream<Uint8Array> {
  let text = '';
  const decoder = new TextDecoder();
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      text += decoder.decode(chunk, { stream: true });
      const [events] = /^(?:[^]*?\ndata:[^]*?\n\n){2}/.exec(text) ?? [];
      if (events === undefined) return;
      controller.enqueue(new TextEncoder().encode(events));
      controller.terminate();
    },
  });
  if (response.body === null) throw new Error('no stream');
  return response.body.pipeThrough(cut);
}
