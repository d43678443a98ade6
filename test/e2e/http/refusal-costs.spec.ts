import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newDatabase, newSubject, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { signedToken } from '../../support/signed-token.js';

const REQUESTS = 12;
const MIB = 2 ** 20;
/** Greatest cost of a refusal in relation to a plain body of the same size. */
const MAX_RATIO = 20;

/** Text of a body of nearly 1 MiB. */
const filled = (unit: (index: number) => string, open: string, close: string): string => {
  const parts: string[] = [];
  for (let length = 0, index = 0; length < MIB - 100; index += 1) {
    const part = unit(index);
    parts.push(part);
    length += Buffer.byteLength(part) + 1;
  }
  return `${open}${parts.join(',')}${close}`;
};

const name = (index: number): string => `"${index.toString(36)}":0`;
const PLAIN = JSON.stringify({ source: 's', category: 'c', action: 'a', x: ['x'.repeat(60_000)] });

interface Attack {
  body?: string | Buffer;
  path?: string;
  token?: string | null;
  headers?: Record<string, string>;
}

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const ATTACKS: [string, Attack][] = [
  ['short member names', { body: filled(name, '{', '}') }],
  ['short member names without a token', { body: filled(name, '{', '}'), token: null }],
  ['one name many times', { body: filled(() => '"a":0', '{', '}') }],
  ['names that are numbers', { body: filled((n) => `"${n * 7919}":0`, '{', '}') }],
  ['nested members', { body: filled((n) => `{${name(n)}}`, '[', ']') }],
  ['members of a failure report', { body: filled(name, '{', '}'), path: '/sessions/x' }],
  ['members of a tool call', { body: filled(name, '{', '}'), path: '/mcp' }],
  ['deep arrays', { body: nested(MIB / 2 - 50) }],
  ['arrays as deep as is parsed', { body: nested(999) }],
  ['many arrays', { body: filled(() => `[${'0,'.repeat(999)}0]`, '[', ']') }],
  ['empty objects', { body: filled(() => `[${'{},'.repeat(999)}{}]`, '[', ']') }],
  ['escapes', { body: filled(() => `"${'\\u0041'.repeat(10_000)}"`, '[', ']') }],
  ['short texts', { body: filled(() => '"\\n"', '[', ']') }],
  ['a long number', { body: `[${'1'.repeat(MIB - 100)}]` }],
  ['text that is not UTF-8', { body: Buffer.alloc(MIB - 100, 0xff) }],
  [
    'a compressed body',
    { body: gzipSync('0'.repeat(MIB)), headers: { 'content-encoding': 'gzip' } },
  ],
  [
    'many parameters',
    { path: `/me?${Array.from({ length: 3_500 }, (_, n) => `a${n}`).join('&')}` },
  ],
  ['one parameter many times', { path: `/me?${'a&'.repeat(7_000)}` }],
  ['many addresses', { path: '/me', headers: { 'x-forwarded-for': '1.1.1.1,'.repeat(1_500) } }],
  [
    'a long content type',
    { body: '{}', headers: { 'content-type': `application/json${' '.repeat(12_000)}x` } },
  ],
  ['a large token', { path: '/me', token: 'x.'.repeat(4_000) }],
  ['a token with many members', { path: '/me', token: large() }],
  ['a foreign token', { path: '/me', token: signed('another secret for tests, long enough') }],
];

function large(): string {
  const claims = Object.fromEntries(Array.from({ length: 700 }, (_, n) => [n.toString(36), n]));
  return signedToken({ alg: 'HS256', typ: 'JWT' }, claims, 'x'.repeat(32));
}

function signed(secret: string): string {
  return signedToken({ alg: 'HS256', typ: 'JWT', kid: 'x' }, { sub: 'x' }, secret);
}

describe('the cost of a refusal', () => {
  let databaseUrl: string;
  let controller: ControllerProcess;
  let plainMs: number;
  const auditor = tokenFor('auditor', newSubject('auditor'));
  const agent = tokenFor('finance', newSubject('finance'));

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    controller = await ControllerProcess.startMain({
      DATABASE_URL: databaseUrl,
      TRUST_PROXY: '1',
    });
    const plain = { body: PLAIN.padEnd(MIB - 100) };
    await costOf(plain);
    plainMs = await costOf(plain);
  }, 120_000);

  afterAll(async () => {
    await controller.stop();
    await dropTestDatabase(databaseUrl);
  });

  async function cpuSeconds(): Promise<number> {
    const { text } = await new Client(controller.url, auditor).get('/metrics');
    return Number(/^process_cpu_seconds_total ([\d.]+)/m.exec(text)?.[1]);
  }

  /** Milliseconds of CPU time of a request. */
  async function costOf({ body, path = '/audit/ingest', token = agent, headers }: Attack) {
    const before = await cpuSeconds();
    for (let sent = 0; sent < REQUESTS; sent += 1) {
      const response = await fetch(`${controller.url}${path}`, {
        method: body === undefined ? 'GET' : path.startsWith('/sessions') ? 'PUT' : 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body !== undefined && { body }),
      });
      await response.text();
      expect(response.status).toBeLessThan(500);
    }
    return ((await cpuSeconds()) - before) * (1_000 / REQUESTS);
  }

  it.each(ATTACKS)('is bounded: %s', async (what, attack) => {
    const cost = await costOf(attack);
    process.stderr.write(`${JSON.stringify({ refusal: what, ms: cost, plainMs })}\n`);
    // The clock of the CPU time counts in steps of 10 ms.
    expect(cost).toBeLessThan(MAX_RATIO * Math.max(plainMs, 2));
  });
});
