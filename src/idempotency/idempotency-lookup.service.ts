import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';
import { type KeyedRequestsDto, toKeyedRequestDto } from './dto/keyed-requests.dto.js';

/** Tells callers what became of their requests. */
@Injectable()
export class IdempotencyLookupService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly records: IdempotencyRecordsRepository,
  ) {}

  /** The caller's own requests with a key; none: they never came, were rolled back, or are still running. */
  async get(agent: Agent, key: string): Promise<KeyedRequestsDto> {
    const parsed = parseIdempotencyKey(key) ?? '';
    const found = await this.transactions.read((manager) =>
      this.records.listByCaller(manager, agent.subject, parsed),
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
