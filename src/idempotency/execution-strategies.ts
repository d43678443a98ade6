import type { EntityManager } from 'typeorm';
import type { DatabaseClockService } from '../database/database-clock.service.js';
import type {
  FoundRecord,
  IdempotencyRecordsRepository,
} from './idempotency-records.repository.js';
import type { KeyedContext } from './keyed-context.js';
import type { Hit, LockedElsewhere } from './keyed-outcome.js';
import type { KeyedRequest } from './keyed-request.js';

/** Rolls a transaction back in which the request must not be executed, and carries the outcome of the request. */
export class ExecutionAborted extends Error {
  override readonly name = 'ExecutionAborted';

  constructor(readonly outcome: Hit<'stored_record'> | LockedElsewhere) {
    super(`the request is not executed: ${outcome.kind}`);
  }
}

/** Begins the transaction of a keyed request. */
export interface ExecutionStrategy {
  /**
   * Locks the request.
   *
   * @throws ExecutionAborted
   */
  begin(manager: EntityManager, request: KeyedRequest): Promise<KeyedContext>;
}

/** Locks the request and reads its record before the work. This costs a round trip. */
export class CheckFirst implements ExecutionStrategy {
  constructor(
    private readonly records: IdempotencyRecordsRepository,
    private readonly clock: DatabaseClockService,
  ) {}

  async begin(manager: EntityManager, request: KeyedRequest): Promise<KeyedContext> {
    // One round trip, in which the two statements run one after the other.
    const [isMine, record] = await Promise.all([
      this.records.tryLock(manager, request),
      this.records.find(manager, request),
    ]);
    if (!isMine) throw new ExecutionAborted({ kind: 'locked_elsewhere' });
    if (!record) return { request, generation: 1, isVerified: true };
    assertExpired(record, this.clock);
    this.records.queueDeleteExpired(manager, request);
    return { request, generation: record.generation + 1, isVerified: true };
  }
}

/**
 * Assumes that there is no record. The lock is sent in the batch of the first statement of the work. If the request is
 * locked, or the INSERT of its record finds another record, the transaction is retried, with {@link CheckFirst}.
 */
export class AssumeNew implements ExecutionStrategy {
  constructor(private readonly records: IdempotencyRecordsRepository) {}

  begin(manager: EntityManager, request: KeyedRequest): Promise<KeyedContext> {
    this.records.queueLock(manager, request);
    return Promise.resolve({ request, generation: 1, isVerified: false });
  }
}

/** @throws ExecutionAborted if the record is live */
export function assertExpired(record: FoundRecord, clock: DatabaseClockService): void {
  if (record.seconds_left <= 0) return;
  const response = {
    fingerprint: record.fingerprint,
    status: record.response_status,
    body: record.response_body,
    actingRole: record.acting_role,
    expiresAt: Math.floor(clock.now() + record.seconds_left * 1000),
  };
  throw new ExecutionAborted({ kind: 'stored_record', response });
}
