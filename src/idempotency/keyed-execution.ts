import type { EntityManager } from 'typeorm';
import type { DatabaseClockService } from '../database/database-clock.service.js';
import type {
  FoundRecord,
  IdempotencyRecordsRepository,
} from './idempotency-records.repository.js';
import { keyedContexts } from './keyed-context.js';
import type { KeyedRequest } from './keyed-request.js';
import type { StoredResponse } from './stored-response.js';

/** The response to a request. */
export interface HandlerResponse {
  status: number;
  body: string;
}

/** Ends the transaction of a retry: the request was executed before. */
export class AlreadyExecuted extends Error {
  constructor(readonly response: StoredResponse) {
    super('the request was executed before');
  }
}

/** Ends the transaction of a request that another instance is executing. */
export class ScopeLocked extends Error {}

/**
 * The part of a keyed request in its transaction: the lock of the scope first, the record of the response last. In between
 * the absence of an earlier record must be verified. Normally it is read after the lock, which costs a round trip. On a
 * cache miss the first try assumes that there is none; the insert of the record verifies that, or {@link assertNotExecuted} if no
 * record is written. A wrong assumption rolls the transaction back and retries it.
 */
export class KeyedExecution {
  /** Whether the absence of an earlier record is not verified yet. */
  recordUnchecked = true;
  private generation = 1;

  /** @param assumeNew whether the first try assumes that there is no record */
  constructor(
    private readonly records: IdempotencyRecordsRepository,
    private readonly request: KeyedRequest,
    private assumeNew: boolean,
    private readonly clock: DatabaseClockService,
  ) {}

  /** @throws AlreadyExecuted or ScopeLocked */
  async begin(manager: EntityManager): Promise<void> {
    this.recordUnchecked = this.assumeNew;
    this.generation = 1;
    if (this.assumeNew) this.records.queueLock(manager, this.request);
    else await this.lock(manager);
    this.assumeNew = false;
    keyedContexts.set(manager, { request: this.request, generation: this.generation });
  }

  private async lock(manager: EntityManager): Promise<void> {
    // One round trip, in which the two statements run one after the other.
    const [isMine, record] = await Promise.all([
      this.records.tryLock(manager, this.request),
      this.records.find(manager, this.request),
    ]);
    if (!isMine) throw new ScopeLocked();
    if (!record) return;
    assertExpired(record, this.clock);
    this.records.queueDeleteExpired(manager, this.request);
    this.generation = record.generation + 1;
  }

  /**
   * Verifies that the request was not executed before.
   *
   * @throws AlreadyExecuted
   */
  async assertNotExecuted(manager: EntityManager): Promise<void> {
    if (!this.recordUnchecked) return;
    const record = await this.records.find(manager, this.request);
    if (record) assertExpired(record, this.clock);
    this.recordUnchecked = false;
  }

  /**
   * Queues the record of the response in the batch of COMMIT. A response with status 204 is not recorded.
   *
   * @throws AlreadyExecuted
   */
  async finish(
    manager: EntityManager,
    { status, body }: HandlerResponse,
    ttlSeconds: number,
  ): Promise<void> {
    if (status === 204) return this.assertNotExecuted(manager);
    const effect = keyedContexts.find(manager)?.affected;
    const { scope, fingerprint, caller, key, method, path } = this.request;
    this.records.save(
      manager,
      {
        ...{ scope, fingerprint, caller, key, method, path },
        acting_role: effect?.role ?? null,
        response_status: status,
        response_body: body,
        resource_type: effect?.type ?? null,
        resource_id: effect?.id ?? null,
        generation: this.generation,
      },
      ttlSeconds,
    );
  }
}

function assertExpired(record: FoundRecord, clock: DatabaseClockService): void {
  if (record.seconds_left <= 0) return;
  throw new AlreadyExecuted({
    fingerprint: record.fingerprint,
    status: record.response_status,
    body: record.response_body,
    actingRole: record.acting_role,
    expiresAt: Math.floor(clock.now() + record.seconds_left * 1000),
  });
}
