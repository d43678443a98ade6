import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';
import { type KeyedRequestsDto, toKeyedRequestDto } from './dto/keyed-requests.dto.js';

/** Returns the executed keyed requests of a caller. */
@Injectable()
export class IdempotencyLookupService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly records: IdempotencyRecordsRepository,
  ) {}

  /**
   * Returns the requests of the caller with an idempotency key.
   *
   * @throws DomainError `idempotency.not_found` if none arrived, or all were rolled back or are still in progress
   */
  async get(agent: Agent, key: string): Promise<KeyedRequestsDto> {
    const parsed = parseIdempotencyKey(key) ?? '';
    const found = await this.transactions.read((manager) =>
      this.records.listByCaller(manager, agent.subject, parsed),
    );
    if (found.length === 0) {
      throw new DomainError(
        'idempotency.not_found',
        'No request of yours with this idempotency key was executed, or one is still in progress. Send the request again with the key.',
      );
    }
    return { requests: found.map(toKeyedRequestDto) };
  }
}
