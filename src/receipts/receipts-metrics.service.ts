import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { DomainError } from '../errors/domain-error.js';
import { MetricsService } from '../observability/metrics.service.js';

/** Counts requests for receipts. */
@Injectable()
export class ReceiptsMetricsService {
  private readonly receipts: Counter<'outcome'>;

  constructor({ registry }: MetricsService) {
    this.receipts = new Counter({
      name: 'mesh_receipts_total',
      help: 'Requests for receipts, by outcome: ok, or the code of the error.',
      labelNames: ['outcome'],
      registers: [registry],
    });
  }

  /** Counts a request by its outcome. */
  async count<T>(request: Promise<T>): Promise<T> {
    try {
      const result = await request;
      this.receipts.inc({ outcome: 'ok' });
      return result;
    } catch (error) {
      this.receipts.inc({ outcome: error instanceof DomainError ? error.code : 'error' });
      throw error;
    }
  }
}
