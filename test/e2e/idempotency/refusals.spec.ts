import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, HttpCode, Logger, Module, Post } from '@nestjs/common';
import { Policy } from '../../../src/auth/policy.decorator.js';
import { HealthModule } from '../../../src/health/health.module.js';
import { tokenFor } from '../../support/app.js';
import {
  budget,
  caller,
  expectReplay,
  isReplay,
  keyHeader,
  newSession,
  rowCounts,
  sendRaw,
  expectNoEffect,
} from '../../support/idempotency.js';
import { withClient } from '../../support/catalog.js';
import { expectProblem } from '../../support/kit.js';
import { useApp } from '../../support/kit.js';

/** Answers that no route of ours gives. */
@Controller('probe')
class ProbeController {
  static calls = 0;

  @Post('nothing')
  @Policy('audit.ingest')
  @HttpCode(204)
  nothing(): void {
    ProbeController.calls += 1;
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

describe('Idempotency-Key', () => {
  const mesh = useApp({
    env: { REDIS_URL: process.env.TEST_REDIS_URL ?? '' },
    override: (builder) => builder.overrideModule(HealthModule).useModule(ProbeModule),
  });

  describe('after an error', () => {
    beforeEach(() => {
      // The one failure that is meant would be logged with its stack.
      Logger.overrideLogger(false);
    });

    afterEach(() => repairAudit());

    it('runs a corrected request after 400', async () => {
      const [finance, headers] = [caller(mesh), keyHeader()];
      await expectNoEffect(mesh, async () => {
        const broken = { ...budget(), target: '' };
        expectProblem(await finance.post('/tasks/route', broken, headers), 400, 'request.invalid');
        expectProblem(
          await finance.post('/tasks/route', '{"target":', headers),
          400,
          'request.malformed',
        );
      });
      expect((await finance.post('/tasks/route', budget(), headers)).status).toBe(202);
    });

    it('runs a corrected request after 403, 404, 409 and 412', async () => {
      const finance = caller(mesh);
      const { path, etag } = await newSession(finance);
      const headers = keyHeader();
      const done = { status: 'completed' };
      const attempts = async () => [
        await caller(mesh, 'legal').put(path, done, headers),
        await finance.put(`/sessions/${randomUUID()}`, done, headers),
        await finance.put(path, done, headers),
        await finance.put(path, done, { ...headers, 'If-Match': '"stale"' }),
      ];
      const refusals = await expectNoEffect(mesh, attempts);
      expect(refusals.map(({ status }) => status)).toEqual([404, 404, 409, 412]);
      await finance.put(path, { status: 'active' }, { 'If-Match': etag });
      const repaired = await finance.put(path, done, headers);
      expect(repaired).toMatchObject({ status: 200, body: done });
      expect(isReplay(repaired)).toBe(false);
    });

    it('runs a smaller request after 413', async () => {
      const [finance, headers] = [caller(mesh), keyHeader()];
      const large = { ...budget(), context: { text: 'x'.repeat(1024 * 1024) } };
      expectProblem(await finance.post('/tasks/route', large, headers), 413, 'request.too_large');
      expect((await finance.post('/tasks/route', budget(), headers)).status).toBe(202);
    });

    it('runs the request again after 500, which stores nothing', async () => {
      const [finance, headers] = [caller(mesh), keyHeader()];
      await breakAudit('P0001');
      const broken = await expectNoEffect(mesh, () =>
        finance.post('/tasks/route', budget(), headers),
      );
      expectProblem(broken, 500, 'server.error');
      await repairAudit();
      const retry = await finance.post('/tasks/route', budget(), headers);
      expect([retry.status, isReplay(retry)]).toEqual([202, false]);
    });

    it('retries the request after a deadlock, and returns 503 after the third', async () => {
      const finance = caller(mesh);
      const before = await rowCounts(mesh);
      await breakAudit('40P01', 2);
      expect((await finance.post('/tasks/route', budget(), keyHeader())).status).toBe(202);
      expect(await rowCounts(mesh)).toMatchObject({
        tasks: (before?.tasks ?? 0) + 1,
        sessions: (before?.sessions ?? 0) + 1,
        events: (before?.events ?? 0) + 1,
      });
      await breakAudit('40001', 3);
      const headers = keyHeader();
      const lost = await expectNoEffect(mesh, () =>
        finance.post('/tasks/route', budget(), headers),
      );
      expectProblem(lost, 503, 'database.unavailable');
      expect(lost.headers.get('retry-after')).toBe('1');
      expect((await finance.post('/tasks/route', budget(), headers)).status).toBe(202);
      await repairAudit();
    });

    /** Lets the first `times` audit events fail with a SQLSTATE. */
    async function breakAudit(sqlState: string, times = 1_000): Promise<void> {
      await repairAudit();
      await withClient(mesh.databaseUrl, (client) =>
        client.query(`
          CREATE SEQUENCE failures;
          CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN
            IF nextval('failures') <= ${times} THEN
              RAISE EXCEPTION 'broken for a test' USING ERRCODE = '${sqlState}';
            END IF;
            RETURN NEW;
          END $$;
          CREATE TRIGGER fails BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION fail()`),
      );
    }

    async function repairAudit(): Promise<void> {
      await withClient(mesh.databaseUrl, (client) =>
        client.query(`
          DROP TRIGGER IF EXISTS fails ON audit_events;
          DROP FUNCTION IF EXISTS fail;
          DROP SEQUENCE IF EXISTS failures`),
      );
    }
  });

  it('does not store a response without content', async () => {
    const [finance, headers] = [caller(mesh), keyHeader()];
    for (const calls of [1, 2, 3]) {
      const answer = await expectNoEffect(mesh, () => finance.post('/probe/nothing', {}, headers));
      expect([answer.status, answer.text, isReplay(answer)]).toEqual([204, '', false]);
      expect(ProbeController.calls).toBe(calls);
    }
  });

  describe('syntax', () => {
    const post = (...headers: string[]) =>
      sendRaw(
        mesh,
        'POST /tasks/route',
        [`Authorization: Bearer ${tokenFor('finance')}`, ...headers],
        budget(),
      );

    it.each([
      ['empty', 'Idempotency-Key:'],
      ['as an empty string', 'Idempotency-Key: ""'],
      ['with 256 characters', `Idempotency-Key: ${'k'.repeat(256)}`],
      ['with a letter beyond ASCII', 'Idempotency-Key: cl\u00e9'],
      ['with UTF-8', `Idempotency-Key: ${Buffer.from('клю').toString('latin1')}`],
      ['with a space', 'Idempotency-Key: a b'],
      ['with a comma', 'Idempotency-Key: a,b'],
      ['with a tab', 'Idempotency-Key: a\tb'],
      ['with a control character', 'Idempotency-Key: a\u0001b'],
      ['with a delete character', 'Idempotency-Key: a\u007fb'],
      ['with one quote', 'Idempotency-Key: "abc'],
      ['with parameters', 'Idempotency-Key: "abc";v=1'],
    ])('400 without an effect: %s', async (_, header) => {
      const answer = await expectNoEffect(mesh, () => post(header));
      expect(answer.status).toBe(400);
      expect(answer.text).not.toMatch(/^idempotency-key:/im);
    });

    it.each([
      ['different', 'a', 'b'],
      ['equal', 'a', 'a'],
      ['quoted', '"a"', '"a"'],
    ])('400 without an effect: two headers with %s values', async (_, one, other) => {
      const answer = await expectNoEffect(mesh, () =>
        post(`Idempotency-Key: ${one}`, `idempotency-key: ${other}`),
      );
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('request.invalid');
    });

    it('accepts 255 characters, and returns the key', async () => {
      const key = 'k'.repeat(255);
      const answer = await caller(mesh).post('/tasks/route', budget(), keyHeader(key));
      expect([answer.status, answer.headers.get('idempotency-key')]).toEqual([202, key]);
    });

    it('accepts a bare key and a string of RFC 8941 as the same key', async () => {
      const [finance, key] = [caller(mesh), randomUUID()];
      const first = await finance.post('/tasks/route', budget(), keyHeader(key));
      const retry = await finance.post('/tasks/route', budget(), keyHeader(`"${key}"`));
      expectReplay(retry, first);
      expect(retry.headers.get('idempotency-key')).toBe(key);
    });

    it('is case-sensitive', async () => {
      const [finance, key] = [caller(mesh), `key-${randomUUID()}`];
      const answers = [
        await finance.post('/tasks/route', budget(), keyHeader(key)),
        await finance.post('/tasks/route', budget(), keyHeader(key.toUpperCase())),
      ];
      expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    });

    it('is ignored on GET', async () => {
      const finance = caller(mesh);
      for (const key of ['a b', 'k'.repeat(256), 'fine']) {
        const answer = await finance.get('/tasks', { headers: keyHeader(key) });
        expect([answer.status, answer.headers.get('idempotency-key')]).toEqual([200, null]);
      }
    });
  });
});
