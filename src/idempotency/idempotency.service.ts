import { Injectable } from '@nestjs/common';
import { inProgress, payloadMismatch, roleRevoked } from './idempotency-errors.js';
import { IdempotencyMetricsService } from './idempotency-metrics.service.js';
import { KeyedExecutionService } from './keyed-execution.service.js';
import type { HandlerResponse, KeyedOutcome } from './keyed-outcome.js';
import type { KeyedRequest } from './keyed-request.js';
import { ReplayRulesService } from './replay-rules.service.js';

export interface KeyedResponse extends HandlerResponse {
  /** Whether it is the stored response of an earlier request, and nothing was executed now. */
  replayed: boolean;
}

/** Executes a keyed request at most once. */
@Injectable()
export class IdempotencyService {
  constructor(
    private readonly execution: KeyedExecutionService,
    private readonly metrics: IdempotencyMetricsService,
    private readonly rules: ReplayRulesService,
  ) {}

  /**
   * Executes `work`, or returns the stored response if the request was executed before. Successful responses are stored,
   * except 204. Where {@link ReplayRulesService} has a rule, a replay contains the current state.
   *
   * @param work the effect of the request, which uses `TransactionsService.run`
   * @throws DomainError `idempotency.in_progress`, `idempotency.payload_mismatch`, `auth.role_not_held`, or the error of
   * `work`
   */
  async execute(
    request: KeyedRequest,
    work: () => Promise<HandlerResponse>,
  ): Promise<KeyedResponse> {
    if (this.rules.isExecutedAgain(request)) return { ...(await work()), replayed: false };
    const outcome = await this.execution.run(request, work);
    this.metrics.count(outcome);
    return this.respond(request, outcome);
  }

  private async respond(request: KeyedRequest, outcome: KeyedOutcome): Promise<KeyedResponse> {
    switch (outcome.kind) {
      case 'executed':
        return { ...outcome.response, replayed: false };
      case 'cache_hit':
      case 'local_hit':
      case 'stored_record': {
        const body = await this.rules.presentBody(request, outcome.response.body);
        return { status: 200, body, replayed: true };
      }
      case 'locked_elsewhere':
        throw inProgress();
      case 'mismatch':
        throw payloadMismatch();
      case 'role_not_held':
        throw roleRevoked();
    }
  }
}
