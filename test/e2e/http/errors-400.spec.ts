import { beforeAll, describe, expect, it } from '@jest/globals';
import { tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { expectProblemDocument, SECRET, sendBytes, WRITES } from '../../support/problems.js';
import { useSharedApp } from '../../support/kit.js';
import { patient } from '../../support/patience.js';

describe('problem documents: 400', () => {
  const mesh = useSharedApp();
  let client: Client;

  beforeAll(() => {
    client = new Client(mesh.url, tokenFor('finance'));
  });

  it('list every error with its pointer, and do not repeat the input', async () => {
    const answer = await client.post('/tasks/route', {
      target: `${SECRET}\n`,
      from_role: 7,
      task: { task_type: '', description: [SECRET], data: SECRET },
      context: [SECRET],
      priority_of_mine: SECRET,
    });
    const { errors } = expectProblemDocument(answer, 400, 'request.invalid');
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

  it('list each error once', async () => {
    const answer = await client.get('/sessions?page=x&page_size=x');
    const { errors } = expectProblemDocument(answer, 400, 'request.invalid');
    expect(errors?.map(({ pointer }) => pointer).sort()).toEqual(['?page', '?page_size']);
  });

  it('escape names in pointers (RFC 6901) and cut long names', async () => {
    const answer = await client.post('/sessions', {
      role: 'finance',
      'a/b~c': 1,
      ['x'.repeat(500)]: 1,
    });
    const { errors } = expectProblemDocument(answer, 400, 'request.invalid');
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
  ])('%s: the pointer is %s', async (path, pointer) => {
    const { errors } = expectProblemDocument(await client.get(path), 400, 'request.invalid');
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
  ])('invalid JSON: %j', async (text) => {
    const answer = await sendBytes(mesh, text);
    const code = text === '' ? 'request.invalid' : 'request.malformed';
    expectProblemDocument(answer, 400, code);
  });

  it('a body that is a list', async () => {
    expectProblemDocument(await sendBytes(mesh, '[]'), 400, 'request.invalid');
    expectProblemDocument(
      await sendBytes(mesh, `[{"target":"${SECRET}"}]`),
      400,
      'request.invalid',
    );
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
  ])('JSON with %s, on every route', async (_, text) => {
    for (const route of WRITES) {
      const { errors } = expectProblemDocument(
        await sendBytes(mesh, text, {}, route),
        400,
        'request.invalid',
      );
      expect(errors).toHaveLength(1);
    }
  });

  it.each([
    ['100,000 lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['100,000 objects', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
    ['100,000 lists that never end', `{"a":${'['.repeat(100_000)}`],
    ['33 levels', '{"a":'.repeat(33) + '1' + '}'.repeat(33)],
  ])('JSON that is nested too deeply, within two seconds: %s', async (_, text) => {
    const started = performance.now();
    const answer = await sendBytes(mesh, text);
    expectProblemDocument(answer, 400, String(answer.body.code));
    expect(performance.now() - started).toBeLessThan(patient(2_000));
  });

  it('60,000 unknown members, within two seconds', async () => {
    const body = Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`k${n}`, 1]));
    const started = performance.now();
    expectProblemDocument(await client.post('/tasks/route', body), 400, 'request.invalid');
    expect(performance.now() - started).toBeLessThan(patient(2_000));
  });

  it('1,990 unknown members, four requests within four seconds', async () => {
    const body = Object.fromEntries(Array.from({ length: 1_990 }, (_, n) => [`k${n}`, 1]));
    const started = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => client.post('/sessions', body)),
    );
    for (const answer of answers) expectProblemDocument(answer, 400, 'request.invalid');
    expect(performance.now() - started).toBeLessThan(patient(4_000));
  });

  it('bytes that are not UTF-8', async () => {
    const head = Buffer.from('{"target":"');
    const tail = Buffer.from('"}');
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80]]) {
      const body = new Uint8Array(Buffer.concat([head, Buffer.from(bytes), tail]));
      expectProblemDocument(await sendBytes(mesh, body), 400, 'request.malformed');
    }
  });

  it.each(['/sessions/%', '/sessions/%E0%A4%A', '/tasks/%c0%80', '/approvals/%FF', '/%'])(
    'a path that cannot be decoded: %s',
    async (path) => {
      const answer = await client.get(path);
      expect([400, 404]).toContain(answer.status);
      expectProblemDocument(answer, answer.status, String(answer.body.code));
    },
  );
});
