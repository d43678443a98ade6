import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { until } from '../../support/eventually.js';
import {
  budget,
  caller,
  describeWithEachRedis,
  keyHeader,
  rowCounts,
  statuses,
} from '../../support/idempotency.js';

const TTL_SECONDS = 2;

describeWithEachRedis('an expired idempotency key, with %s', (_, redis) => {
  let mesh: TestApp;
  let other: TestApp;

  beforeAll(async () => {
    const env = { ...redis.env, IDEMPOTENCY_TTL_SECONDS: String(TTL_SECONDS) };
    mesh = await startTestApp({ ...redis, env });
    other = await startTestApp({ ...redis, env, databaseUrl: mesh.databaseUrl });
  });

  afterAll(async () => {
    await other.close();
    await mesh.close();
  });

  it('runs one of twenty concurrent requests each time', async () => {
    const [sub, key] = [newSubject('finance'), randomUUID()];
    const [here, there] = [caller(mesh, 'finance', sub), caller(other, 'finance', sub)];
    const seen = new Set<string>();
    for (const round of [1, 2, 3]) {
      await until(async () => (await here.get(`/idempotency/${key}`)).status === 404);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_r, index) =>
          // What was asked before does not matter any more.
          (index % 2 ? here : there).post('/tasks/route', budget(round), keyHeader(key)),
        ),
      );
      expect(statuses(answers)).toEqual({ 202: 1, 200: 19 });
      const texts = new Set(answers.map(({ text }) => text));
      expect(texts.size).toBe(1);
      for (const text of texts) seen.add(text);
      expect(seen.size).toBe(round);
      expect(await rowCounts(mesh)).toMatchObject({ tasks: round, events: round, records: 1 });
    }
  });
});
