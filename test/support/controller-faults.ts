import { AsyncLocalStorage } from 'node:async_hooks';
import type { TestingModuleBuilder } from '@nestjs/testing';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../../src/audit/audit.service.js';
import { Environment } from '../../src/config/environment.js';
import type { Connection } from '../../src/database/connection.js';
import { sqlAlong } from '../../src/database/sql.js';
import { Transactions } from '../../src/database/transactions.js';
import {
  type FoundRecord,
  IdempotencyRecords,
  type NewRecord,
} from '../../src/idempotency/idempotency-records.js';
import { IdempotencyService, type Outcome } from '../../src/idempotency/idempotency.service.js';
import type { KeyedRequest } from '../../src/idempotency/keyed-request.js';
import type { Answer } from '../../src/idempotency/keyed-turn.js';
import { RedisCache } from '../../src/redis/redis-cache.js';

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

  class CrashingRecords extends IdempotencyRecords {
    override lockAlong(manager: EntityManager, request: KeyedRequest): void {
      super.lockAlong(manager, request);
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

  class CrashingCache extends RedisCache {
    override set(key: string, value: string, ttlSeconds: number): Promise<void> {
      reach('after-commit');
      const cached = super.set(key, value, ttlSeconds);
      const request = doomed.getStore();
      if (request) request.cached = cached;
      return cached;
    }
  }

  class CrashingService extends IdempotencyService {
    override once(request: KeyedRequest, work: () => Promise<Answer>): Promise<Outcome> {
      if (!request.key.startsWith('crash-')) return super.once(request, work);
      return doomed.run({}, async () => {
        const outcome = await super.once(request, work);
        await doomed.getStore()?.cached;
        reach('after-redis');
        return outcome;
      });
    }
  }

  builder
    .overrideProvider(IdempotencyRecords)
    .useClass(CrashingRecords)
    .overrideProvider(IdempotencyService)
    .useClass(CrashingService)
    .overrideProvider(RedisCache)
    .useFactory({
      factory: ({ REDIS_URL }: Environment) => new CrashingCache(REDIS_URL),
      inject: [Environment],
    });
}

/** Neither the lock nor the constraint keeps two from carrying out the same request. */
class UnguardedRecords extends IdempotencyRecords {
  override tryLock(): Promise<boolean> {
    return Promise.resolve(true);
  }

  override lockAlong(): void {
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
    sqlAlong(manager, INSERT_OR_NOT, [JSON.stringify(row)]);
  }
}

const INSERT_OR_NOT = `
  INSERT INTO idempotency_records SELECT * FROM jsonb_populate_record(NULL::idempotency_records, $1)
  ON CONFLICT DO NOTHING`;

class NoRecords extends IdempotencyRecords {
  override find(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  override save(): void {
    // Nothing is kept.
  }
}

class CarelessTransactions extends Transactions {
  protected override async connect(): Promise<Connection> {
    const connection = await super.connect();
    const commit = connection.commit.bind(connection);
    connection.commit = () => commit().catch(() => undefined);
    return connection;
  }
}

class ForgetfulAudit extends AuditService {
  override telling(...[manager, event]: Parameters<AuditService['telling']>): string {
    return event.event_type === 'task_claimed' ? '[]' : super.telling(manager, event);
  }
}

const BREAK: Record<BrokenBuild, (builder: TestingModuleBuilder) => void> = {
  'unguarded-records': (builder) =>
    builder.overrideProvider(IdempotencyRecords).useClass(UnguardedRecords),
  'no-record': (builder) => builder.overrideProvider(IdempotencyRecords).useClass(NoRecords),
  'ignore-commit-tag': (builder) =>
    builder.overrideProvider(Transactions).useClass(CarelessTransactions),
  'untold-claims': (builder) => builder.overrideProvider(AuditService).useClass(ForgetfulAudit),
};
