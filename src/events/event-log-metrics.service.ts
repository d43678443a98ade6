import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { EventLogRepository } from './event-log.repository.js';

/** Metrics of the event log, read from the database at each scrape. */
@Injectable()
export class EventLogMetricsService {
  private readonly logger = new Logger(EventLogMetricsService.name);

  constructor(
    { registry }: MetricsService,
    private readonly repository: EventLogRepository,
    private readonly transactions: TransactionsService,
  ) {
    const registers = [registry];
    const lagEvents = new Gauge({
      name: 'mesh_event_log_lag_events',
      help: 'Committed events without a position in the event log, at most 10,000.',
      registers,
    });
    const lagSeconds = new Gauge({
      name: 'mesh_event_log_lag_seconds',
      help: 'Age of the oldest committed event without a position in the event log.',
      registers,
    });
    const observe = async (head: Gauge): Promise<void> => {
      const { position, events, seconds } = await this.read();
      head.set(position);
      lagEvents.set(events);
      lagSeconds.set(seconds);
    };
    new Gauge({
      name: 'mesh_event_log_head',
      help: 'Position of the latest event in the event log.',
      registers,
      async collect() {
        await observe(this);
      },
    });
  }

  private async read(): Promise<{ position: number; events: number; seconds: number }> {
    try {
      return await this.transactions.read(async (manager) => {
        const { position } = await this.repository.getHead(manager);
        return { position, ...(await this.repository.getLag(manager)) };
      });
    } catch {
      // The scrape succeeds without these gauges: other metrics show that the database is down.
      this.logger.debug('Cannot read the event log');
      return { position: NaN, events: NaN, seconds: NaN };
    }
  }
}
