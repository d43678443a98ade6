import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { Transactions } from '../database/transactions.js';
import { DomainError } from '../errors/domain-error.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { IdempotencyRecords } from './idempotency-records.js';
import { type KeyedRequestsDto, toKeyedRequestDto } from './keyed-requests.dto.js';

/** Tells callers what became of their requests. */
@Injectable()
export class KeyedRequests {
  constructor(
    private readonly transactions: Transactions,
    private readonly records: IdempotencyRecords,
  ) {}

  /** The caller's own requests with a key; none: they never came, were rolled back, or are still running. */
  async get(agent: Agent, key: string): Promise<KeyedRequestsDto> {
    const parsed = parseIdempotencyKey(key) ?? '';
    const found = await this.transactions.read((manager) =>
      this.records.ofCaller(manager, agent.subject, parsed),
    );
    if (found.length === 0) {
      throw new DomainError(
        'idempotency.not_found',
        'No request of yours with this key was carried out.',
      );
    }
    return { requests: found.map(toKeyedRequestDto) };
  }
}
