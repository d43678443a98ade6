import { beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Environment } from '../config/environment.js';
import { DatabaseClockService } from '../database/database-clock.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';
import { KeyedExecutionService } from './keyed-execution.service.js';
import type { KeyedOutcome } from './keyed-outcome.js';
import type { KeyedRequest } from './keyed-request.js';
import { KeyedTransactionService, type StrategyName } from './keyed-transaction.service.js';
import { ReplayRulesService } from './replay-rules.service.js';
import { ResponseCacheService } from './response-cache.service.js';
import { cacheScope } from './scope.js';
import { encodeStoredResponse, type StoredResponse } from './stored-response.js';

type TransactionOutcome = Awaited<ReturnType<KeyedTransactionService['run']>>;

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
const RESPONSE: StoredResponse = {
  fingerprint: REQUEST.fingerprint,
  status: 202,
  actingRole: 'finance',
  body: '{"id":1}',
  expiresAt: Date.now() + 60_000,
};
const OTHER_RESPONSE = { ...RESPONSE, fingerprint: Buffer.alloc(32, 4) };
const LOCKED = { kind: 'locked_elsewhere' } as const;
const EXECUTED = { kind: 'executed', response: RESPONSE, stored: RESPONSE } as const;
const NO_CONTENT = { kind: 'executed', response: { status: 204, body: '' } } as const;

/** Redis in memory. `undefined`: Redis does not respond. */
class FakeRedis extends RedisCacheService {
  values?: Map<string, string> = new Map();

  override get(key: string): Promise<string | null | undefined> {
    return Promise.resolve(this.values && (this.values.get(key) ?? null));
  }

  override set(key: string, value: string): Promise<void> {
    this.values?.set(key, value);
    return Promise.resolve();
  }
}

/** Transactions with given outcomes. They end when the test releases them. */
class FakeTransaction extends KeyedTransactionService {
  outcomes: TransactionOutcome[] = [];
  held: Promise<unknown> = Promise.resolve();
  readonly begun: StrategyName[] = [];

  override async run(_: KeyedRequest, first: StrategyName): Promise<TransactionOutcome> {
    this.begun.push(first);
    await this.held;
    return this.outcomes.shift() ?? LOCKED;
  }
}

describe('KeyedExecutionService', () => {
  let redis: FakeRedis;
  let transaction: FakeTransaction;
  let rules: ReplayRulesService;
  let sut: KeyedExecutionService;

  beforeEach(() => {
    const clock = new DatabaseClockService();
    clock.set(Date.now());
    redis = new FakeRedis([]);
    rules = new ReplayRulesService();
    transaction = new FakeTransaction(
      new TransactionsService(new DataSource({ type: 'postgres' })),
      new IdempotencyRecordsRepository(),
      clock,
      new Environment(),
      rules,
    );
    sut = new KeyedExecutionService(new ResponseCacheService(redis, clock), transaction, rules);
  });

  const run = (request = REQUEST): Promise<KeyedOutcome> =>
    sut.run(request, () => Promise.resolve(RESPONSE));
  const cacheInRedis = (response: StoredResponse) =>
    redis.values?.set(
      'idempotency:a-key',
      encodeStoredResponse(cacheScope('', REQUEST.scope), response),
    );

  it('returns a cache hit without a transaction', async () => {
    cacheInRedis(RESPONSE);

    expect(await run()).toEqual({ kind: 'cache_hit', response: RESPONSE });
    expect(transaction.begun).toEqual([]);
  });

  it('refuses a cache hit for a role that the caller lost', async () => {
    cacheInRedis(RESPONSE);

    expect(await run({ ...REQUEST, roles: ['legal'] })).toEqual({ kind: 'role_not_held' });
  });

  it('assumes that a request is new if Redis reports a miss', async () => {
    transaction.outcomes = [EXECUTED];

    expect(await run()).toEqual(EXECUTED);
    expect(transaction.begun).toEqual(['assume_new']);
  });

  it.each([
    ['does not respond', () => (redis.values = undefined)],
    ['has the response to another request', () => cacheInRedis(OTHER_RESPONSE)],
    ['has an invalid value', () => redis.values?.set('idempotency:a-key', '{')],
  ])('checks first if Redis %s', async (_, prepare) => {
    prepare();
    transaction.outcomes = [EXECUTED];

    expect(await run()).toEqual(EXECUTED);
    expect(transaction.begun).toEqual(['check_first']);
  });

  it.each([
    ['an executed response', EXECUTED],
    ['a stored record', { kind: 'stored_record', response: RESPONSE } as const],
  ])('caches %s in Redis', async (_, outcome) => {
    transaction.outcomes = [outcome];

    expect(await run()).toEqual(outcome);
    expect(await run()).toEqual({ kind: 'cache_hit', response: RESPONSE });
  });

  it('does not cache a response that is not stored', async () => {
    transaction.outcomes = [NO_CONTENT];

    expect(await run()).toEqual(NO_CONTENT);
    expect(redis.values?.size).toBe(0);
  });

  it.each([
    ['mismatch', OTHER_RESPONSE],
    ['role_not_held', { ...RESPONSE, actingRole: 'legal' }],
  ] as const)('turns a stored record into %s', async (kind, response) => {
    transaction.outcomes = [{ kind: 'stored_record', response }];

    expect(await run()).toEqual({ kind });
  });

  it('gives waiting requests a local hit, and refuses those with another body', async () => {
    redis.values = undefined;
    transaction.outcomes = [EXECUTED];
    const other = { ...REQUEST, fingerprint: OTHER_RESPONSE.fingerprint };

    const outcomes = await Promise.all([run(), run(), run(other)]);

    expect(outcomes).toEqual([
      EXECUTED,
      { kind: 'local_hit', response: RESPONSE },
      { kind: 'mismatch' },
    ]);
    expect(transaction.begun).toHaveLength(1);
  });

  it('executes a waiting request after an execution that stored nothing', async () => {
    transaction.outcomes = [NO_CONTENT, EXECUTED];

    expect(await Promise.all([run(), run()])).toEqual([NO_CONTENT, EXECUTED]);
  });

  it('forgets a local hit when no request waits', async () => {
    redis.values = undefined;
    transaction.outcomes = [EXECUTED, EXECUTED];
    await Promise.all([run(), run()]);

    expect(await run()).toEqual(EXECUTED);
  });

  it('checks first after the request was locked elsewhere', async () => {
    transaction.outcomes = [LOCKED, LOCKED, EXECUTED];

    expect(await run()).toEqual(EXECUTED);
    expect(transaction.begun).toEqual(['assume_new', 'check_first', 'check_first']);
  });

  it('is locked elsewhere if another instance holds the lock for a second', async () => {
    const start = performance.now();

    expect(await run()).toEqual(LOCKED);
    expect(performance.now() - start).toBeGreaterThan(900);
    expect(transaction.begun.length).toBeGreaterThan(2);
  });

  it('is locked elsewhere if a request of this instance is in progress for a second', async () => {
    let release = (): void => undefined;
    transaction.held = new Promise<void>((resolve) => (release = resolve));
    transaction.outcomes = [EXECUTED];
    const first = run();

    expect(await run()).toEqual(LOCKED);
    release();
    expect(await first).toEqual(EXECUTED);
    expect(transaction.begun).toHaveLength(1);
  });
});
