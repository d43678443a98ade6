import type { EntityManager } from 'typeorm';
import type { DatabaseClockService } from '../database/database-clock.service.js';
import { requestContext } from '../observability/request-context.js';
import { derivedTaskKey, uuidOf } from './derived-task-key.js';
import type {
  FoundRecord,
  IdempotencyRecordsRepository,
} from './idempotency-records.repository.js';
import type { KeyedRequest } from './keyed-request.js';
import type { StoredResponse } from './stored-response.js';

/** What a request is answered with. */
export interface HandlerResponse {
  status: number;
  body: string;
}

/** Ends the transaction of a retry: the request was carried out before. */
export class AlreadyExecuted extends Error {
  constructor(readonly response: StoredResponse) {
    super('the request was carried out before');
  }
}

/** Ends the transaction of a request that another process is carrying out. */
export class ScopeLocked extends Error {}

/**
 * What a keyed request adds to the transaction of what it does: the lock of its scope first, the record of the answer
 * last. In between it has to be sure that there is no record yet. It looks for one after the lock, a round trip; or,
 * once, it believes that there is none, and finds out by the record that it writes, or by {@link assertNotExecuted} where it
 * writes none. Who was wrong has changed nothing, and the transaction begins again.
 */
export class KeyedExecution {
  /** Whether it still has to be found out that the request was not carried out before. */
  recordUnchecked = true;
  private generation = 1;

  /** @param assumeNew whether to believe for once that the key is new */
  constructor(
    private readonly records: IdempotencyRecordsRepository,
    private readonly request: KeyedRequest,
    private assumeNew: boolean,
    private readonly clock: DatabaseClockService,
  ) {}

  /** @throws Settled or ScopeLocked */
  async begin(manager: EntityManager): Promise<void> {
    this.recordUnchecked = this.assumeNew;
    this.generation = 1;
    if (this.assumeNew) this.records.queueLock(manager, this.request);
    else await this.lock(manager);
    this.assumeNew = false;
    this.publishTaskKey();
  }

  private async lock(manager: EntityManager): Promise<void> {
    // One round trip, but still two statements, one after the other.
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

  /** Tells the handler under which keys to store what it makes; an attempt that was in vain has brought nothing about. */
  private publishTaskKey(): void {
    const context = requestContext();
    if (!context) return;
    const { key, scope } = this.request;
    const preferred = uuidOf(key);
    context.taskKey = {
      ...(preferred && { preferred }),
      derived: derivedTaskKey(scope, this.generation),
    };
    context.affected = undefined;
  }

  /** @throws Settled */
  async assertNotExecuted(manager: EntityManager): Promise<void> {
    if (!this.recordUnchecked) return;
    const record = await this.records.find(manager, this.request);
    if (record) assertExpired(record, this.clock);
    this.recordUnchecked = false;
  }

  /**
   * Records the answer along with COMMIT; one of 204 is not kept.
   *
   * @throws Settled
   */
  async finish(
    manager: EntityManager,
    { status, body }: HandlerResponse,
    ttlSeconds: number,
  ): Promise<void> {
    if (status === 204) return this.assertNotExecuted(manager);
    const effect = requestContext()?.affected;
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
