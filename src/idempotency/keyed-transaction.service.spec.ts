import { beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource, type EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import type { Work } from '../database/connection.js';
import { DatabaseClockService } from '../database/database-clock.service.js';
import { Deferred, valueOfDeferred } from '../database/pipeline.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { type SharedWork, TransactionsService } from '../database/transactions.service.js';
import { DomainError, UnavailableError } from '../errors/domain-error.js';
import {
  type FoundRecord,
  IdempotencyRecordsRepository,
  type NewRecord,
} from './idempotency-records.repository.js';
import { recordAffectedResource } from './keyed-context.js';
import type { HandlerResponse } from './keyed-outcome.js';
import type { KeyedRequest } from './keyed-request.js';
import { KeyedTransactionService } from './keyed-transaction.service.js';
import { ReplayRulesService } from './replay-rules.service.js';

const DATA_SOURCE = new DataSource({ type: 'postgres' });
const NOW = 1_800_000_000_000;
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
const REFUSAL = new DomainError('session.ended', 'The session has ended.');
const OUTAGE = new UnavailableError('database.unavailable', 'Retry.');

/** Runs shared transactions without a database: as in the real one, a conflict makes a retry with a new manager. */
class FakeTransactions extends TransactionsService {
  private joined?: Promise<EntityManager>;
  private begin?: () => Promise<EntityManager>;

  override async runShared<T, R>({ onBegin, work, beforeCommit }: SharedWork<T, R>): Promise<R> {
    for (let attempt = 1; ; attempt++) {
      this.joined = undefined;
      this.begin = async () => {
        const manager = DATA_SOURCE.createEntityManager();
        await onBegin(manager, attempt);
        return manager;
      };
      try {
        const value = await work();
        return await this.run((manager) => beforeCommit(manager, value));
      } catch (error) {
        if (!(error instanceof ConcurrentUpdateError) || attempt === 3) throw error;
      }
    }
  }

  override async run<T>(work: Work<T | Deferred<T>>): Promise<T> {
    this.joined ??= this.begin?.();
    const result: T | Deferred<T> = await work(await this.manager());
    return result instanceof Deferred ? valueOfDeferred(result) : result;
  }

  override async read<T>(work: Work<T>): Promise<T> {
    return work(await this.manager());
  }

  private async manager(): Promise<EntityManager> {
    return (await this.joined) ?? DATA_SOURCE.createEntityManager();
  }
}

/** The records, of which each test has at most one, and the calls in their order. */
class FakeRecords extends IdempotencyRecordsRepository {
  readonly calls: string[] = [];
  isLocked = false;
  found?: FoundRecord;
  saved?: NewRecord;

  override tryLock(): Promise<boolean> {
    this.calls.push('try lock');
    return Promise.resolve(!this.isLocked);
  }

  override queueLock(): void {
    this.calls.push('queue lock');
    if (this.isLocked) throw new ConcurrentUpdateError();
  }

  override find(): Promise<FoundRecord | undefined> {
    this.calls.push('find');
    return Promise.resolve(this.found);
  }

  override queueDeleteExpired(): void {
    this.calls.push('delete expired');
    this.found = undefined;
  }

  override save(_: EntityManager, record: NewRecord): void {
    this.calls.push('save');
    if (this.found) throw new ConcurrentUpdateError();
    this.saved = record;
  }
}

/** A record of the request with its expiry in seconds. */
function recordWith(seconds_left: number): FoundRecord {
  const { scope, fingerprint, caller, key, method, path } = REQUEST;
  return {
    ...{ scope, fingerprint, caller, key, method, path, seconds_left },
    acting_role: 'finance',
    response_status: RESPONSE.status,
    response_body: RESPONSE.body,
    resource_type: null,
    resource_id: null,
    generation: 1,
    created_at: new Date(NOW),
    expires_at: new Date(NOW + seconds_left * 1000),
  };
}

const STORED_RECORD = {
  kind: 'stored_record',
  response: {
    ...RESPONSE,
    fingerprint: REQUEST.fingerprint,
    actingRole: 'finance',
    expiresAt: NOW + 60_000,
  },
};
const NO_CONTENT = { status: 204, body: '' };

describe('KeyedTransactionService', () => {
  let records: FakeRecords;
  let transactions: FakeTransactions;
  let sut: KeyedTransactionService;
  let executions: number;

  beforeEach(() => {
    records = new FakeRecords();
    transactions = new FakeTransactions(DATA_SOURCE);
    const clock = new DatabaseClockService();
    clock.now = () => NOW;
    sut = new KeyedTransactionService(
      transactions,
      records,
      clock,
      new Environment(),
      new ReplayRulesService(),
    );
    executions = 0;
  });

  /** A handler with one transaction. Its first executions are conflicts. */
  const handler =
    (response: HandlerResponse = RESPONSE, conflicts = 0) =>
    () =>
      transactions.run((manager) => {
        executions++;
        const id = `task-${executions}`;
        recordAffectedResource(manager, { role: 'finance', type: 'task', id });
        if (executions <= conflicts) throw new ConcurrentUpdateError();
        return response;
      });
  const failBefore = (error: Error) => () => Promise.reject(error);
  const failAfter = (error: Error) => () => transactions.run(() => Promise.reject(error));

  describe.each(['check_first', 'assume_new'] as const)('with the strategy %s', (strategy) => {
    it('executes a new request and saves its record', async () => {
      const outcome = await sut.run(REQUEST, strategy, handler());

      expect(outcome).toMatchObject({ kind: 'executed', response: RESPONSE });
      expect(outcome).toHaveProperty('stored.actingRole', 'finance');
      expect(records.saved).toMatchObject({ generation: 1, resource_id: 'task-1' });
      expect(records.calls).toEqual(
        strategy === 'check_first' ? ['try lock', 'find', 'save'] : ['queue lock', 'save'],
      );
    });

    it('finds a locked request, without execution', async () => {
      records.isLocked = true;

      const outcome = await sut.run(REQUEST, strategy, handler());

      expect(outcome).toEqual({ kind: 'locked_elsewhere' });
      expect(executions).toBe(0);
    });

    it('finds a stored record, and commits nothing', async () => {
      records.found = recordWith(60);

      expect(await sut.run(REQUEST, strategy, handler())).toEqual(STORED_RECORD);
      expect(records.saved).toBeUndefined();
      expect(executions).toBe(strategy === 'check_first' ? 0 : 1);
    });

    it('executes a request again after its record has expired, with the next generation', async () => {
      records.found = recordWith(0);

      const outcome = await sut.run(REQUEST, strategy, handler());

      expect(outcome).toHaveProperty('kind', 'executed');
      expect(records.saved).toHaveProperty('generation', 2);
      expect(records.calls.slice(-3)).toEqual(['find', 'delete expired', 'save']);
    });

    it.each([
      ['before', failBefore],
      ['after', failAfter],
    ])('finds a stored record when the handler refuses %s BEGIN', async (_, fail) => {
      records.found = recordWith(60);

      expect(await sut.run(REQUEST, strategy, fail(REFUSAL))).toEqual(STORED_RECORD);
    });

    it.each([
      ['before', failBefore],
      ['after', failAfter],
    ])('throws the refusal of a new request %s BEGIN', async (_, fail) => {
      await expect(sut.run(REQUEST, strategy, fail(REFUSAL))).rejects.toBe(REFUSAL);
      expect(records.calls.filter((call) => call === 'find')).toHaveLength(1);
      expect(records.saved).toBeUndefined();
    });

    it('throws an outage, without a lookup', async () => {
      await expect(sut.run(REQUEST, strategy, failBefore(OUTAGE))).rejects.toBe(OUTAGE);
      expect(records.calls).toEqual([]);
    });

    it('does not save a response with status 204, but verifies that there is no record', async () => {
      const outcome = await sut.run(REQUEST, strategy, handler(NO_CONTENT));

      expect(outcome).toEqual({ kind: 'executed', response: NO_CONTENT });
      expect(records.calls.filter((call) => call === 'find')).toHaveLength(1);
      expect(records.saved).toBeUndefined();
    });

    it('checks first after a conflict, and forgets the change that was rolled back', async () => {
      const outcome = await sut.run(REQUEST, strategy, handler(RESPONSE, 1));

      expect(outcome).toHaveProperty('kind', 'executed');
      expect(records.calls.slice(-3)).toEqual(['try lock', 'find', 'save']);
      expect(records.saved).toHaveProperty('resource_id', 'task-2');
    });
  });

  it('looks for a record when a retry is refused before BEGIN', async () => {
    const handle = handler(RESPONSE, 1);
    const refuseRetry = () => (executions === 0 ? handle() : Promise.reject(REFUSAL));

    await expect(sut.run(REQUEST, 'check_first', refuseRetry)).rejects.toBe(REFUSAL);
    expect(records.calls).toEqual(['try lock', 'find', 'find']);
  });
});
