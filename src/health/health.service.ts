import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { sql } from '../database/sql.js';
import { Transactions } from '../database/transactions.js';
import { RedisCache } from '../redis/redis-cache.js';
import { VERSION } from '../version.js';
import type { HealthDto, ReadyDto, StatusDto } from './health.dto.js';

/** How long a probe waits for the database before it calls it disconnected, in milliseconds. */
const PATIENCE = 1_000;

@Injectable()
export class HealthService implements BeforeApplicationShutdown {
  private stopping = false;

  constructor(
    private readonly transactions: Transactions,
    private readonly redis: RedisCache,
  ) {}

  beforeApplicationShutdown(): void {
    this.stopping = true;
  }

  status(): StatusDto {
    return { status: 'ok', version: VERSION };
  }

  /** Degraded when something that is configured does not answer. */
  async check(): Promise<HealthDto> {
    const [database, redis] = await Promise.all([this.database(), this.redis.ping()]);
    const healthy = database === 'connected' && redis !== 'disconnected';
    return { status: healthy ? 'healthy' : 'degraded', version: VERSION, database, redis };
  }

  /** Ready when Postgres answers and the process is not stopping. */
  async ready(): Promise<ReadyDto> {
    const ready = !this.stopping && (await this.database()) === 'connected';
    return { status: ready ? 'ready' : 'not_ready' };
  }

  private async database(): Promise<'connected' | 'disconnected'> {
    const answer = this.transactions
      .read((manager) => sql(manager, 'SELECT 1'))
      .then(
        () => 'connected' as const,
        () => 'disconnected' as const,
      );
    return Promise.race([answer, sleep(PATIENCE, 'disconnected' as const, { ref: false })]);
  }
}
