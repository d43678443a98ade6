import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { DatabaseClockService } from '../database/database-clock.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError, UnavailableError } from '../errors/domain-error.js';
import {
  assertExpired,
  AssumeNew,
  CheckFirst,
  ExecutionAborted,
  type ExecutionStrategy,
} from './execution-strategies.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';
import { keyedContexts } from './keyed-context.js';
import type { Executed, HandlerResponse, Hit, LockedElsewhere } from './keyed-outcome.js';
import type { KeyedRequest } from './keyed-request.js';
import { ReplayRulesService } from './replay-rules.service.js';

export type StrategyName = 'check_first' | 'assume_new';

/**
 * Executes a keyed request in one transaction. It begins inside the handler, with the first call of
 * {@link TransactionsService.run}: the lock first, then the statements of the handler, and the record of the response last.
 */
@Injectable()
export class KeyedTransactionService {
  private readonly strategies: Readonly<Record<StrategyName, ExecutionStrategy>>;

  constructor(
    private readonly transactions: TransactionsService,
    private readonly records: IdempotencyRecordsRepository,
    private readonly clock: DatabaseClockService,
    private readonly environment: Environment,
    private readonly rules: ReplayRulesService,
  ) {
    this.strategies = {
      check_first: new CheckFirst(records, clock),
      assume_new: new AssumeNew(records),
    };
  }

  /**
   * Executes `work` unless the request is locked or has a record. A retry after a conflict checks first.
   *
   * @throws the error of `work`
   */
  async run(
    request: KeyedRequest,
    first: StrategyName,
    work: () => Promise<HandlerResponse>,
  ): Promise<Executed | Hit<'stored_record'> | LockedElsewhere> {
    try {
      return await this.transactions.runShared({
        onBegin: async (manager, attempt) => {
          const strategy = this.strategies[attempt === 1 ? first : 'check_first'];
          keyedContexts.set(manager, await strategy.begin(manager, request));
        },
        work: () => this.runHandler(request, work),
        beforeCommit: (manager, response: HandlerResponse) =>
          this.finish(manager, request, response),
      });
    } catch (error) {
      if (error instanceof ExecutionAborted) return error.outcome;
      throw error;
    }
  }

  /**
   * Runs `work`. If it is refused, verifies that there is no record: a retry can be refused because of its own first
   * execution, and must then receive the stored response, not the refusal.
   */
  private async runHandler(
    request: KeyedRequest,
    work: () => Promise<HandlerResponse>,
  ): Promise<HandlerResponse> {
    try {
      return await work();
    } catch (error) {
      if (isRefusal(error)) {
        await this.transactions.read((manager) => this.assertNotExecuted(manager, request));
      }
      throw error;
    }
  }

  /** @throws ExecutionAborted if the request was executed before */
  private async assertNotExecuted(manager: EntityManager, request: KeyedRequest): Promise<void> {
    if (keyedContexts.find(manager)?.isVerified) return;
    const record = await this.records.find(manager, request);
    if (record) assertExpired(record, this.clock);
  }

  /** Queues the record of the response in the batch of COMMIT. The INSERT fails as a conflict if there is a record. */
  private async finish(
    manager: EntityManager,
    request: KeyedRequest,
    response: HandlerResponse,
  ): Promise<Executed> {
    const { status } = response;
    if (status === 204) {
      await this.assertNotExecuted(manager, request);
      return { kind: 'executed', response };
    }
    const { generation, affected } = keyedContexts.get(manager);
    const { scope, fingerprint, caller, key, method, path } = request;
    const body = this.rules.storedBody(request, response.body);
    const actingRole = affected?.role ?? null;
    const ttl = this.environment.IDEMPOTENCY_TTL_SECONDS;
    const expiresAt = Math.floor(this.clock.now() + ttl * 1000);
    this.records.save(
      manager,
      {
        ...{ scope, fingerprint, caller, key, method, path, generation },
        acting_role: actingRole,
        response_status: status,
        response_body: body,
        resource_type: affected?.type ?? null,
        resource_id: affected?.id ?? null,
      },
      ttl,
    );
    const stored = { fingerprint, status, body, actingRole, expiresAt };
    return { kind: 'executed', response, stored };
  }
}

/** Whether the handler refused the request, so that a retry would be refused as well. */
function isRefusal(error: unknown): boolean {
  return error instanceof DomainError && !(error instanceof UnavailableError);
}
