import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { type EventBody, listEvents, REPORT } from '../../support/audit.js';
import { useSharedApp } from '../../support/kit.js';

/** The members of the acknowledgement of a batch, and those of a problem document. */
type Body = Partial<{
  status: string | number;
  count: number;
  events: { event_id: string; trace_id: string }[];
  code: string;
  errors: { pointer: string; message: string }[];
}>;

describe('POST /audit/ingest with many events', () => {
  const mesh = useSharedApp();

  /** Sends a body as it is. */
  async function send(
    body: Uint8Array,
    headers: Record<string, string> = {},
    sub = newSubject('reporter'),
  ): Promise<{ status: number; body: Body; text: string }> {
    const response = await fetch(`${mesh.url}/audit/ingest`, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: {
        authorization: `Bearer ${tokenFor('finance', sub)}`,
        'content-type': 'application/json',
        ...headers,
      },
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text) as Body, text };
  }

  const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const GZIP = { 'content-encoding': 'gzip' };

  const stored = (traceId: string): Promise<EventBody[]> =>
    listEvents(mesh.agent('auditor'), `trace_id=${traceId}&page_size=100`);

  it('stores all events of an array, in its order', async () => {
    const traceId = randomUUID();
    const reports = ['one', 'two', 'three'].map((action) => ({ ...REPORT, action, traceId }));
    const { status, body } = await send(bytes(reports));

    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'accepted', count: 3 });
    const events = await stored(traceId);
    expect(events.map(({ event_type }) => event_type)).toEqual([
      'agent.policy.one',
      'agent.policy.two',
      'agent.policy.three',
    ]);
    expect(events.map(({ id }) => id)).toEqual(body.events?.map(({ event_id }) => event_id));
  });

  it('stores 1,000 events with all members, also compressed', async () => {
    const report = { ...REPORT, subject: 's', content: 'c', metadata: { a: 1, b: { c: 2 } } };
    const reports = Array.from({ length: 1_000 }, () => report);

    expect((await send(bytes(reports))).body.count).toBe(1_000);
    expect((await send(gzipSync(bytes(reports)), GZIP)).body.count).toBe(1_000);
  });

  it('stores none if one is invalid, and names each invalid index', async () => {
    const traceId = randomUUID();
    const good = { ...REPORT, traceId };
    const long = { ...good, category: 'c'.repeat(30), action: 'a'.repeat(30) };
    const { status, body } = await send(
      bytes([good, { ...good, source: '' }, good, { ...good, extra: 1 }, 7, null]),
    );

    expect(status).toBe(400);
    expect(body.errors?.map(({ pointer }) => pointer)).toEqual([
      '/1/source',
      '/3/extra',
      '/4',
      '/5',
    ]);
    const other = await send(bytes([good, good, long]));
    expect(other.body.errors?.map(({ pointer }) => pointer)).toEqual(['/2/action']);
    expect(await stored(traceId)).toEqual([]);
  });

  it.each([
    ['no event', []],
    ['1,001 events', Array.from({ length: 1_001 }, () => REPORT)],
    ['an array in an array', [[REPORT]]],
    [
      'over 20,000 members',
      [
        {
          ...REPORT,
          metadata: Object.fromEntries(Array.from({ length: 20_001 }, (_, n) => [`m${n}`, 1])),
        },
      ],
    ],
  ])('400 with %s', async (_, reports) => {
    expect((await send(bytes(reports))).body).toMatchObject({ code: 'request.invalid' });
  });

  it('replays a batch with its idempotency key, and refuses another one', async () => {
    const traceId = randomUUID();
    const sub = newSubject('reporter');
    const key = { 'idempotency-key': randomUUID() };
    const reports = [
      { ...REPORT, traceId },
      { ...REPORT, traceId },
    ];
    const first = await send(bytes(reports), key, sub);
    const replay = await send(gzipSync(bytes(reports)), { ...key, ...GZIP }, sub);
    const other = await send(bytes(reports.slice(1)), key, sub);

    expect([first.status, replay.status, other.status]).toEqual([202, 200, 422]);
    expect(replay.text).toBe(first.text);
    expect(await stored(traceId)).toHaveLength(2);
  });

  it('accepts one compressed event', async () => {
    const { status, body } = await send(gzipSync(bytes(REPORT)), GZIP);

    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'accepted' });
  });

  it('413 when the decompressed body is larger than 1 MiB', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 2 ** 20, '['));
    const { status, body } = await send(bomb, GZIP);

    expect([status, body.code]).toEqual([413, 'request.too_large']);
  });

  it('413 when the compressed body is larger than 1 MiB', async () => {
    const member = gzipSync('');
    const members = Buffer.concat(
      Array<Buffer>(Math.ceil(2 ** 20 / member.length) + 1).fill(member),
    );
    const { status, body } = await send(members, GZIP);

    expect([status, body.code]).toEqual([413, 'request.too_large']);
  });

  it.each([
    ['bytes that are not gzip', bytes(REPORT)],
    ['a cut body', gzipSync(bytes(REPORT)).subarray(0, 20)],
    ['text that is not JSON', gzipSync('{')],
    ['bytes that are not UTF-8', gzipSync(Buffer.from([0x22, 0xff, 0x22]))],
    ['an empty body', Buffer.alloc(0)],
  ])('400 with %s and gzip', async (_, body) => {
    expect((await send(body, GZIP)).status).toBe(400);
  });

  it.each(['br', 'deflate', 'zstd', 'gzip, gzip'])('415 with the encoding %s', async (coding) => {
    const answer = await send(gzipSync(bytes(REPORT)), { 'content-encoding': coding });

    expect([answer.status, answer.body.code]).toEqual([415, 'request.media_type']);
  });
});
