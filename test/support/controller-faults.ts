import { AsyncLocalStorage } from 'node:async_hooks';
import type { TestingModuleBuilder } from '@nestjs/testing';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../../src/audit/audit.service.js';
import { Environment } from '../../src/config/environment.js';
import type { Connection } from '../../src/database/connection.js';
import { queueSql } from '../../src/database/sql.js';
import { TransactionsService } from '../../src/database/transactions.service.js';
import {
  type FoundRecord,
  IdempotencyRecordsRepository,
  type NewRecord,
} from '../../src/idempotency/idempotency-records.repository.js';
import {
  IdempotencyService,
  type KeyedResponse,
} from '../../src/idempotency/idempotency.service.js';
import type { KeyedRequest } from '../../src/idempotency/keyed-request.js';
import type { HandlerResponse } from '../../src/idempotency/keyed-outcome.js';
import { RedisCacheService } from '../../src/redis/redis-cache.service.js';

/** Where a request may be cut off, in the order in which it passes these points. */
export const CRASH_POINTS = [
  'before-insert',
  'after-insert',
  'before-commit',
  'after-commit',
  'after-redis',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Controllers that break the protocol in one way: what finds faults must find theirs. */
export const BROKEN_BUILDS = [
  'unguarded-records',
  'no-record',
  'ignore-commit-tag',
  'untold-claims',
] as const;
export type BrokenBuild = (typeof BROKEN_BUILDS)[number];

export interface Faults {
  /** Where a request whose key starts with `crash-` sends its process the signal. */
  crashAt?: CrashPoint;
  /** SIGKILL unless told otherwise. */
  signal?: NodeJS.Signals;
  broken?: BrokenBuild;
}

/** Puts faulty providers in the place of the real ones, which know nothing of it. */
export function withFaults(
  builder: TestingModuleBuilder,
  { crashAt, signal = 'SIGKILL', broken }: Faults,
): TestingModuleBuilder {
  if (crashAt) crash(builder, crashAt, signal);
  if (broken) BREAK[broken](builder);
  return builder;
}

function crash(builder: TestingModuleBuilder, at: CrashPoint, signal: NodeJS.Signals): void {
  const doomed = new AsyncLocalStorage<{ cached?: Promise<void> }>();
  let isReached = false;
  const reach = (point: CrashPoint): void => {
    if (isReached || point !== at || !doomed.getStore()) return;
    // Who goes on after the signal is spared it from then on.
    isReached = true;
    process.kill(process.pid, signal);
  };

  class CrashingRecords extends IdempotencyRecordsRepository {
    override queueLock(manager: EntityManager, request: KeyedRequest): void {
      super.queueLock(manager, request);
      reach('before-insert');
    }

    override async find(
      manager: EntityManager,
      request: KeyedRequest,
    ): Promise<FoundRecord | undefined> {
      const found = await super.find(manager, request);
      reach('before-insert');
      return found;
    }

    override save(manager: EntityManager, record: NewRecord, ttl: number): void {
      reach('after-insert');
      super.save(manager, record, ttl);
      reach('before-commit');
    }
  }

  class CrashingCache extends RedisCacheService {
    override set(key: string, value: string, ttlSeconds: number): Promise<void> {
      reach('after-commit');
      const cached = super.set(key, value, ttlSeconds);
      const request = doomed.getStore();
      if (request) request.cached = cached;
      return cached;
    }
  }

  class CrashingService extends IdempotencyService {
    override execute(
      request: KeyedRequest,
      work: () => Promise<HandlerResponse>,
    ): Promise<KeyedResponse> {
      if (!request.key.startsWith('crash-')) return super.execute(request, work);
      return doomed.run({}, async () => {
        const outcome = await super.execute(request, work);
        await doomed.getStore()?.cached;
        reach('after-redis');
        return outcome;
      });
    }
  }

  builder
    .overrideProvider(IdempotencyRecordsRepository)
    .useClass(CrashingRecords)
    .overrideProvider(IdempotencyService)
    .useClass(CrashingService)
    .overrideProvider(RedisCacheService)
    .useFactory({
      factory: ({ REDIS_URL }: Environment) => new CrashingCache(REDIS_URL),
      inject: [Environment],
    });
}

/** Neither the lock nor the constraint keeps two from carrying out the same request. */
class UnguardedRecords extends IdempotencyRecordsRepository {
  override tryLock(): Promise<boolean> {
    return Promise.resolve(true);
  }

  override queueLock(): void {
    // Nobody is kept out.
  }

  override save(manager: EntityManager, record: NewRecord, ttl: number): void {
    const row = {
      ...record,
      scope: `\\x${record.scope.toString('hex')}`,
      fingerprint: `\\x${record.fingerprint.toString('hex')}`,
      created_at: new Date(),
      expires_at: new Date(Date.now() + ttl * 1000),
    };
    queueSql(manager, INSERT_OR_NOT, [JSON.stringify(row)]);
  }
}

const INSERT_OR_NOT = `
  INSERT INTO idempotency_records SELECT * FROM jsonb_populate_record(NULL::idempotency_records, $1)
  ON CONFLICT DO NOTHING`;

class NoRecords extends IdempotencyRecordsRepository {
  override find(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override save(): void {
    // Nothing is kept.
  }
}

class CarelessTransactions extends TransactionsService {
  protected override async connect(): Promise<Connection> {
    const connection = await super.connect();
    const commit = connection.commit.bind(connection);
    connection.commit = () => commit().catch(() => undefined);
    return connection;
  }
}

class ForgetfulAudit extends AuditService {
  override eventPayload(...[manager, event]: Parameters<AuditService['eventPayload']>): string {
    return event.event_type === 'task_claimed' ? '[]' : super.eventPayload(manager, event);
  }
}

const BREAK: Record<BrokenBuild, (builder: TestingModuleBuilder) => void> = {
  'unguarded-records': (builder) =>
    builder.overrideProvider(IdempotencyRecordsRepository).useClass(UnguardedRecords),
  'no-record': (builder) =>
    builder.overrideProvider(IdempotencyRecordsRepository).useClass(NoRecords),
  'ignore-commit-tag': (builder) =>
    builder.overrideProvider(TransactionsService).useClass(CarelessTransactions),
  'untold-claims': (builder) => builder.overrideProvider(AuditService).useClass(ForgetfulAudit),
};
