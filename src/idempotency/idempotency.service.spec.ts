import { beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Environment } from '../config/environment.js';
import { DatabaseClockService } from '../database/database-clock.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';
import { IdempotencyMetricsService } from './idempotency-metrics.service.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';
import { IdempotencyService } from './idempotency.service.js';
import { KeyedExecutionService } from './keyed-execution.service.js';
import type { KeyedOutcome } from './keyed-outcome.js';
import type { KeyedRequest } from './keyed-request.js';
import { KeyedTransactionService } from './keyed-transaction.service.js';
import { ReplayRulesService } from './replay-rules.service.js';
import { ResponseCacheService } from './response-cache.service.js';

const REQUEST: KeyedRequest = {
  identity: Buffer.alloc(32, 1),
  scope: Buffer.alloc(32, 2),
  fingerprint: Buffer.alloc(32, 3),
  key: 'a-key',
  caller: 'issuer#agent',
  roles: ['finance'],
  agent: { subject: 'issuer#agent', roles: ['finance'], kind: 'agent' },
  method: 'POST',
  path: '/tasks/route',
  body: {},
  query: {},
};
const RESPONSE = { status: 202, body: '{"id":1}' };
const STORED = {
  ...RESPONSE,
  fingerprint: REQUEST.fingerprint,
  actingRole: 'finance',
  expiresAt: 1_800_000_000_000,
};

class FakeExecution extends KeyedExecutionService {
  outcome: KeyedOutcome = { kind: 'executed', response: RESPONSE };

  override run(): Promise<KeyedOutcome> {
    return Promise.resolve(this.outcome);
  }
}

describe('IdempotencyService', () => {
  let metrics: MetricsService;
  let execution: FakeExecution;
  let rules: ReplayRulesService;
  let sut: IdempotencyService;

  beforeEach(() => {
    const clock = new DatabaseClockService();
    const redis = new RedisCacheService([]);
    metrics = new MetricsService();
    rules = new ReplayRulesService();
    execution = new FakeExecution(
      new ResponseCacheService(redis, clock),
      new KeyedTransactionService(
        new TransactionsService(new DataSource({ type: 'postgres' })),
        new IdempotencyRecordsRepository(),
        clock,
        new Environment(),
        rules,
      ),
      rules,
    );
    sut = new IdempotencyService(execution, new IdempotencyMetricsService(metrics, redis), rules);
  });

  const execute = () => sut.execute(REQUEST, () => Promise.resolve(RESPONSE));

  /** The counters of keyed requests that are not 0. */
  async function counted(): Promise<string[]> {
    const text = await metrics.registry.metrics();
    return text.split('\n').filter((line) => /^idempotency_\S+ [1-9]/.test(line));
  }

  it('answers an executed request with the response of the handler', async () => {
    expect(await execute()).toEqual({ ...RESPONSE, replayed: false });
    expect(await counted()).toEqual(['idempotency_misses_total 1']);
  });

  it.each([
    ['cache_hit', 'redis'],
    ['local_hit', 'memory'],
    ['stored_record', 'postgres'],
  ] as const)('answers %s with a replay', async (kind, source) => {
    execution.outcome = { kind, response: STORED };

    expect(await execute()).toEqual({ status: 200, body: RESPONSE.body, replayed: true });
    expect(await counted()).toEqual([`idempotency_hits_total{source="${source}"} 1`]);
  });

  it.each([
    ['locked_elsewhere', 'idempotency.in_progress', ['idempotency_conflicts_total 1']],
    ['mismatch', 'idempotency.payload_mismatch', ['idempotency_mismatches_total 1']],
    ['role_not_held', 'auth.role_not_held', []],
  ] as const)('answers %s with %s', async (kind, code, counters) => {
    execution.outcome = { kind };

    await expect(execute()).rejects.toMatchObject({ code });
    expect(await counted()).toEqual(counters);
  });

  it('presents the current state where a rule requires it', async () => {
    const present = () => Promise.resolve({ status: 'claimed' });
    rules.add({ method: 'POST', path: /^\/tasks\/route$/, present });
    execution.outcome = { kind: 'cache_hit', response: STORED };

    expect(JSON.parse((await execute()).body)).toEqual({
      id: 1,
      status: 'claimed',
      replayed: true,
    });
  });

  it('executes a request each time where a rule says so, whatever was found', async () => {
    rules.add({ method: 'POST', path: /^\/tasks\/route$/ });
    execution.outcome = { kind: 'mismatch' };

    expect(await execute()).toEqual({ ...RESPONSE, replayed: false });
    expect(await counted()).toEqual([]);
  });
});
