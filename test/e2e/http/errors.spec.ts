import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { developmentToken } from '../../../src/auth/development-token.js';
import { startTestApp, type TestApp, TEST_SECRET, tokenFor } from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';

interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  instance: string;
  trace_id: string;
  errors?: { pointer: string; message: string }[];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Something that no answer may repeat. */
const SECRET = 'do-not-repeat-4711';

const WRITES = [
  ['POST', '/tasks/route'],
  ['POST', '/sessions'],
  ['PUT', '/sessions/00000000-0000-4000-8000-000000000000'],
  ['PUT', '/sessions/00000000-0000-4000-8000-000000000000/events'],
  ['POST', '/approvals'],
  ['POST', '/approvals/00000000-0000-4000-8000-000000000000/decision'],
  ['POST', '/approvals/00000000-0000-4000-8000-000000000000/withdraw'],
  ['POST', '/audit/ingest'],
] as const;

const ANY_ID = '00000000-0000-4000-8000-000000000000';

/** A body with every member that a route takes. */
const WHOLE: Record<string, Record<string, unknown>> = {
  '/tasks/route': {
    target: 'manager',
    from_role: 'finance',
    task: { task_type: 'x' },
    context: {},
  },
  '/sessions': {
    role: 'finance',
    agent_role: 'finance',
    id: ANY_ID,
    task_id: ANY_ID,
    metadata: {},
  },
  '/sessions/:id': { status: 'active', state: 'active', metadata: {}, task_id: ANY_ID },
  '/sessions/:id/events': { event: 'activate' },
  '/approvals': {
    task_id: ANY_ID,
    approver_role: 'manager',
    decision: 'pending',
    reason: 'x',
    comments: 'x',
    notes: 'x',
  },
  '/approvals/:id/decision': { decision: 'approved', comments: 'x' },
  '/approvals/:id/withdraw': { reason: 'x' },
  '/audit/ingest': {
    source: 's',
    category: 'c',
    action: 'a',
    subject: 'x',
    traceId: ANY_ID,
    timestamp: '2026-01-31T12:00:00Z',
    metadata: {},
    content: 'x',
  },
};

describe('errors', () => {
  let mesh: TestApp;
  let client: Client;

  beforeAll(async () => {
    mesh = await startTestApp();
    client = new Client(mesh.url, tokenFor('finance'));
  });

  afterAll(() => mesh.close());

  /** Every problem looks like this, whatever it is about. */
  function expectProblem(answer: Answer, status: number, code: string): ProblemBody {
    const trace = answer.headers.get('x-trace-id');
    expect(trace).toMatch(UUID);
    expect(answer.body).toMatchObject({
      type: `urn:agent-mesh:error:${code}`,
      title: expect.stringMatching(/\S/),
      status,
      detail: expect.stringMatching(/\S/),
      code,
      instance: expect.stringMatching(/^\//),
      trace_id: trace,
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-powered-by')).toBeNull();
    expect(answer.text).not.toContain(SECRET);
    expect(answer.text).not.toMatch(
      /node_modules|\.ts:|\.js:|QueryFailed|syntax error|Unexpected token/,
    );
    return answer.body as unknown as ProblemBody;
  }

  /** Sends bytes as they are. */
  async function send(
    body: string | Uint8Array<ArrayBuffer> | URLSearchParams,
    headers: Record<string, string> = {},
    [method, path]: readonly [string, string] = WRITES[0],
  ): Promise<Answer> {
    const response = await fetch(`${mesh.url}${path}`, {
      method,
      body,
      headers: {
        authorization: `Bearer ${tokenFor('finance')}`,
        'content-type': 'application/json',
        ...headers,
      },
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: JSON.parse(text) as Record<string, unknown>,
    };
  }

  describe('of input (400)', () => {
    it('list all that is wrong, with pointers, and repeat nothing of it', async () => {
      const answer = await client.post('/tasks/route', {
        target: `${SECRET}\n`,
        from_role: 7,
        task: { task_type: '', description: [SECRET], data: SECRET },
        context: [SECRET],
        priority_of_mine: SECRET,
      });
      const { errors } = expectProblem(answer, 400, 'request.invalid');
      expect(new Set(errors?.map(({ pointer }) => pointer))).toEqual(
        new Set([
          '/target',
          '/from_role',
          '/task/task_type',
          '/task/description',
          '/task/data',
          '/context',
          '/priority_of_mine',
        ]),
      );
      for (const { message } of errors ?? []) expect(message).toMatch(/\S/);
    });

    it('say each thing once', async () => {
      const answer = await client.get('/sessions?page=x&page_size=x');
      const { errors } = expectProblem(answer, 400, 'request.invalid');
      expect(errors?.map(({ pointer }) => pointer).sort()).toEqual(['?page', '?page_size']);
    });

    it('escape names in pointers (RFC 6901), and cut long ones', async () => {
      const answer = await client.post('/sessions', {
        role: 'finance',
        'a/b~c': 1,
        ['x'.repeat(500)]: 1,
      });
      const { errors } = expectProblem(answer, 400, 'request.invalid');
      expect(errors?.map(({ pointer }) => pointer).sort()).toEqual([
        '/a~1b~0c',
        `/${'x'.repeat(100)}`,
      ]);
    });

    it.each([
      ['/sessions/nonsense', '/id'],
      ['/sessions?status=x', '?status'],
      ['/tasks?created_since=x', '?created_since'],
      ['/audit/events?trace_id=x', '?trace_id'],
      ['/approvals?cursor=x', '?cursor'],
    ])('of %s point at %s', async (path, pointer) => {
      const { errors } = expectProblem(await client.get(path), 400, 'request.invalid');
      expect(errors?.map((problem) => problem.pointer)).toEqual([pointer]);
    });

    it.each([
      '',
      '{',
      '{"target":}',
      'nonsense',
      '"text"',
      'null',
      '7',
      "{'target': 'x'}",
      `{"target":"${SECRET}`,
      '{"a":1}{"b":2}',
      '\ufeff{"target":',
      '{"a":NaN}',
      '{"a":01}',
    ])('of JSON that is none: %j', async (text) => {
      const answer = await send(text);
      const code = text === '' ? 'request.invalid' : 'request.malformed';
      expectProblem(answer, 400, code);
    });

    it('of a body that is a list', async () => {
      expectProblem(await send('[]'), 400, 'request.invalid');
      expectProblem(await send(`[{"target":"${SECRET}"}]`), 400, 'request.invalid');
    });

    it.each([
      ['U+0000', `{"target":"a\\u0000${SECRET}"}`],
      ['U+0000 in a name', `{"task":{"a\\u0000":1}}`],
      ['half of a surrogate pair', `{"target":"\\ud83e${SECRET}"}`],
      ['the other half', `{"target":"\\udd8a"}`],
      ['half of a pair in a name', `{"task":{"\\ud83e":1}}`],
      ['__proto__', `{"__proto__":{"target":"${SECRET}"}}`],
      ['__proto__ deep inside', `{"task":{"data":{"x":[{"__proto__":{"admin":true}}]}}}`],
      ['constructor', `{"constructor":{"prototype":{"admin":true}}}`],
      ['1e400', '{"task":{"data":{"n":1e400}}}'],
      ['-1e400', '{"task":{"data":{"n":[-1e400]}}}'],
      ['2^53+1', '{"task":{"data":{"n":9007199254740993}}}'],
      ['-2^53', '{"task":{"data":{"n":-9007199254740992}}}'],
      ['a number of 400 digits', `{"task":{"data":{"n":${'9'.repeat(400)}}}}`],
      ['a list of 1,001', `{"task":{"data":{"n":[${Array(1001).fill('0').join()}]}}}`],
      ['a text of 65,537', `{"task":{"description":"${'x'.repeat(65_537)}"}}`],
    ])('of JSON with %s, on any route', async (_, text) => {
      for (const route of WRITES) {
        const { errors } = expectProblem(await send(text, {}, route), 400, 'request.invalid');
        expect(errors).toHaveLength(1);
      }
    });

    it.each([
      ['100,000 lists', '['.repeat(100_000) + ']'.repeat(100_000)],
      ['100,000 objects', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
      ['100,000 lists that never end', `{"a":${'['.repeat(100_000)}`],
      ['33 levels', '{"a":'.repeat(33) + '1' + '}'.repeat(33)],
    ])('nested too deep, at once: %s', async (_, text) => {
      const started = performance.now();
      const answer = await send(text);
      expectProblem(answer, 400, String(answer.body.code));
      expect(performance.now() - started).toBeLessThan(2_000);
    });

    it('of 60,000 unknown names, at once', async () => {
      const body = Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`k${n}`, 1]));
      const started = performance.now();
      expectProblem(await client.post('/tasks/route', body), 400, 'request.invalid');
      expect(performance.now() - started).toBeLessThan(2_000);
    });

    it('of as many unknown names as may be sent, at once, without holding up others', async () => {
      const body = Object.fromEntries(Array.from({ length: 1_990 }, (_, n) => [`k${n}`, 1]));
      const started = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => client.post('/sessions', body)),
      );
      for (const answer of answers) expectProblem(answer, 400, 'request.invalid');
      expect(performance.now() - started).toBeLessThan(4_000);
    });

    it('of bytes that are not UTF-8', async () => {
      const head = Buffer.from('{"target":"');
      const tail = Buffer.from('"}');
      for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80]]) {
        const body = new Uint8Array(Buffer.concat([head, Buffer.from(bytes), tail]));
        expectProblem(await send(body), 400, 'request.malformed');
      }
    });

    it.each(['/sessions/%', '/sessions/%E0%A4%A', '/tasks/%c0%80', '/approvals/%FF', '/%'])(
      'of a path that cannot be decoded: %s',
      async (path) => {
        const answer = await client.get(path);
        expect([400, 404]).toContain(answer.status);
        expectProblem(answer, answer.status, String(answer.body.code));
      },
    );
  });

  describe('of callers (401, 403)', () => {
    it.each([
      ['no token', undefined, 'auth.token_missing', 'Bearer'],
      ['another scheme', 'Basic eDp5', 'auth.token_missing', 'Bearer'],
      ['no JWT', `Bearer ${SECRET}`, 'auth.token_invalid', 'Bearer error="invalid_token"'],
      [
        'an expired token',
        `Bearer ${developmentToken(TEST_SECRET, { roles: ['x'], expiresInSeconds: -600 })}`,
        'auth.token_expired',
        'Bearer error="invalid_token", error_description="The access token expired"',
      ],
      [
        'another secret',
        `Bearer ${developmentToken(`${TEST_SECRET}!`, { roles: ['x'] })}`,
        'auth.token_invalid',
        'Bearer error="invalid_token"',
      ],
    ])('with %s say how to call', async (_, authorization, code, challenge) => {
      for (const [method, path] of [
        ...WRITES,
        ['GET', '/sessions'],
        ['GET', '/metrics'],
      ] as const) {
        const answer = await new Client(mesh.url).call(method, path, {
          headers: authorization === undefined ? {} : { authorization },
        });
        expectProblem(answer, 401, code);
        expect(answer.headers.get('www-authenticate')).toBe(challenge);
      }
    });

    it('say no to a role that is not held', async () => {
      expectProblem(await client.post('/sessions', { role: SECRET }), 403, 'auth.role_not_held');
    });
  });

  describe('of routes (404, 405)', () => {
    it.each([
      '/nowhere',
      '/',
      '/sessions/a/b/c',
      '/tasks/route/x',
      '/.env',
      '/approvals/x/unknown',
      `/${SECRET.slice(0, 3)}`,
    ])('say that there is no %s', async (path) => {
      for (const method of ['GET', 'POST', 'DELETE'])
        expectProblem(await client.call(method, path), 404, 'request.route_not_found');
    });

    it.each([
      ['DELETE', '/sessions', 'GET, HEAD, POST'],
      ['PATCH', `/sessions/${randomUUID()}`, 'GET, HEAD, PUT'],
      ['GET', `/sessions/${randomUUID()}/events`, 'PUT'],
      ['PUT', '/tasks', 'GET, HEAD'],
      ['POST', '/audit/events', 'GET, HEAD'],
      ['GET', '/audit/ingest', 'POST'],
      ['OPTIONS', '/approvals', 'GET, HEAD, POST'],
      ['DELETE', '/health', 'GET, HEAD'],
      ['POST', '/status', 'GET, HEAD'],
    ])('say of %s %s which methods there are', async (method, path, allow) => {
      for (const caller of [client, new Client(mesh.url)]) {
        const answer = await caller.call(method, path);
        expectProblem(answer, 405, 'request.method_not_allowed');
        expect(answer.headers.get('allow')).toBe(allow);
      }
    });

    it('are for HEAD what they are for GET, without a body', async () => {
      const answer = await client.call('HEAD', `/sessions/${randomUUID()}`);
      expect(answer).toMatchObject({ status: 404, text: '' });
      expect((await client.call('HEAD', '/sessions')).status).toBe(200);
    });
  });

  describe('of versions (412)', () => {
    it('tell the present one', async () => {
      const { body } = await client.post('/sessions', { role: 'finance' });
      const path = `/sessions/${String(body.id)}`;
      const answer = await client.put(path, { metadata: {} }, { 'if-match': `"${SECRET}"` });
      expectProblem(answer, 412, 'session.version_mismatch');
      expect(answer.headers.get('etag')).toBe(`"${String(body.id)}.1"`);
    });
  });

  describe('of bodies (413, 415)', () => {
    it('that are larger than 1 MiB, not of those that are just as large', async () => {
      const frame = '{"x":""}'.length;
      const just = await send(`{"x":"${'a'.repeat(1_048_576 - frame)}"}`);
      expectProblem(just, 400, 'request.invalid');
      const more = await send(`{"x":"${'a'.repeat(1_048_577 - frame)}"}`);
      expectProblem(more, 413, 'request.too_large');
    });

    it.each([
      ['a form', 'application/x-www-form-urlencoded'],
      ['an upload', 'multipart/form-data; boundary=x'],
      ['text', 'text/plain'],
      ['XML', 'application/xml'],
      ['something like JSON', 'application/vnd.api+json'],
      ['JSON lines', 'application/x-ndjson'],
      ['JSON in Latin 1', 'application/json; charset=latin1'],
      ['JSON in UTF-16', 'application/json; charset=utf-16'],
      ['nothing named', ''],
    ])('that are %s', async (_, type) => {
      for (const route of WRITES)
        expectProblem(await send('{}', { 'content-type': type }, route), 415, 'request.media_type');
    });

    it('that are a real form', async () => {
      const form = new URLSearchParams({ target: SECRET });
      const headers = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' };
      expectProblem(await send(form, headers), 415, 'request.media_type');
    });

    it.each(['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip'])(
      'that are packed: %s',
      async (coding) => {
        const body = new Uint8Array(gzipSync('{"role":"finance"}'));
        const answer = await send(body, { 'content-encoding': coding });
        expectProblem(answer, 415, 'request.media_type');
      },
    );

    it.each([
      'application/json',
      'application/json; charset=utf-8',
      'application/json;charset=UTF-8',
      'Application/JSON; charset="utf-8"',
    ])('not when they are JSON: %s', async (type) => {
      const answer = await send('{"role":"finance"}', { 'content-type': type }, [
        'POST',
        '/sessions',
      ]);
      expect(answer.status).toBe(201);
    });
  });

  it('are never a 500, whatever is sent to whatever', async () => {
    const values: unknown[] = [
      null,
      true,
      0,
      -1,
      1.5,
      '',
      ' ',
      SECRET,
      '💣'.repeat(50),
      '\u202e\u2028',
      "'; DROP TABLE tasks; --",
      '%00',
      '../../etc/passwd',
      '$1',
      [],
      [[]],
      [null],
      {},
      { toString: SECRET },
      { length: 3 },
      { then: SECRET },
      { toJSON: SECRET, valueOf: SECRET },
    ];
    const session = await client.post('/sessions', { role: 'finance' });
    await client.put(`/sessions/${String(session.body.id)}`, { status: 'active' });
    const task = await client.post('/tasks/route', { target: 'x', task: { task_type: 'x' } });
    const ask = { task_id: task.body.task_id, approver_role: 'finance' };
    const approval = await client.post('/approvals', ask);
    for (const [method, template] of WRITES) {
      const id = template.startsWith('/approvals') ? approval.body.approval_id : session.body.id;
      const path = template.replace(ANY_ID, String(id));
      const whole = WHOLE[template.replace(ANY_ID, ':id')] ?? {};
      const known = 'task_id' in whole ? { ...whole, task_id: task.body.task_id } : whole;
      for (const member of [...Object.keys(whole), 'then', 'toJSON', 'length']) {
        const answers = await Promise.all(
          values.map((value) => client.call(method, path, { body: { ...known, [member]: value } })),
        );
        for (const { status, text, headers } of answers) {
          expect(`${method} ${path} ${member}: ${status}`).not.toMatch(/: 5\d\d$/);
          expect(headers.get('x-trace-id')).toMatch(UUID);
          if (status >= 400) expect(text).not.toContain(SECRET);
        }
      }
    }
  });

  it('are never a 500, whatever is asked for', async () => {
    const values = [
      '',
      '%00',
      '%FF',
      "'",
      '%F0%9F%92%A3',
      '-1',
      '1e9',
      '[]',
      '{}',
      '%0A',
      'a'.repeat(3_000),
    ];
    const names = [
      'page',
      'page_size',
      'cursor',
      'status',
      'role',
      'task_id',
      'trace_id',
      'to_role',
      'from_role',
      'task_type',
      'created_since',
      'event_type',
      'from',
      'to',
      'approver_role',
      'a[b]',
      '__proto__',
      'constructor',
    ];
    for (const path of ['/sessions', '/tasks', '/approvals', '/audit/events', '/me', '/health']) {
      const answers = await Promise.all(
        names.flatMap((name) => values.map((value) => client.get(`${path}?${name}=${value}`))),
      );
      expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    }
    for (const path of ['/sessions/', '/tasks/', '/approvals/', '/idempotency/']) {
      const answers = await Promise.all(values.map((value) => client.get(`${path}${value}`)));
      expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    }
  });

  it('do not depend on odd headers', async () => {
    const odd: Record<string, string>[] = [
      { 'x-trace-id': 'x'.repeat(5_000) },
      { traceparent: '00-'.repeat(500) },
      { 'if-match': '"'.repeat(500) },
      { 'if-none-match': ','.repeat(500) },
      { accept: 'nonsense' },
      { accept: '*/*;q=0' },
      { 'accept-language': 'x'.repeat(500) },
      { 'x-http-method-override': 'DELETE' },
      { 'x-forwarded-for': "'" },
    ];
    for (const headers of odd) {
      for (const path of ['/sessions', '/audit/events', `/sessions/${randomUUID()}`]) {
        const answer = await client.get(path, { headers });
        expect([200, 404]).toContain(answer.status);
        expect(answer.headers.get('x-trace-id')).toMatch(UUID);
      }
    }
  });

  it.each(['/status', '/health', '/health/live', '/sessions', '/nowhere', '/docs'])(
    'or not, %s answers with its trace',
    async (path) => {
      const trace = randomUUID();
      const answer = await client.get(path, { headers: { 'x-trace-id': trace } });
      expect(answer.headers.get('x-trace-id')).toBe(trace);
    },
  );
});
