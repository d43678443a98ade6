import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { MAX_ROLE_LABELS, OTHER_ROLES } from '../observability/role-labels.js';
import { type RoleWork, TaskMetricsRepository } from './task-metrics.repository.js';

/** How long the values of one read are used, in milliseconds: for the metrics of a scrape, and for other scrapers. */
const CACHE_MS = 3_000;

/** Metrics of open tasks, read from the database at a scrape, at most once in {@link CACHE_MS}. */
@Injectable()
export class TaskMetricsService {
  private readonly logger = new Logger(TaskMetricsService.name);
  private cached?: Promise<readonly RoleWork[]>;
  private cachedUntil = 0;

  constructor(
    { registry }: MetricsService,
    private readonly transactions: TransactionsService,
    private readonly metrics: TaskMetricsRepository,
  ) {
    const rows = () => this.rows();
    const registers = [registry];
    new Gauge({
      name: 'mesh_tasks_open',
      help: 'Open tasks by role and status. 1000 means 1000 or more.',
      labelNames: ['role', 'status'],
      registers,
      async collect() {
        this.reset();
        for (const { role, pending, active } of await rows()) {
          if (pending > 0) this.inc({ role, status: 'pending' }, pending);
          if (active > 0) this.inc({ role, status: 'active' }, active);
        }
      },
    });
    new Gauge({
      name: 'mesh_task_oldest_age_seconds',
      help: 'Seconds for which the oldest due, unclaimed task of a role has been due.',
      labelNames: ['role'],
      registers,
      async collect() {
        this.reset();
        for (const [role, seconds] of greatest(await rows(), 'oldest_seconds'))
          this.set({ role }, seconds);
      },
    });
    new Gauge({
      name: 'mesh_role_unclaimed_seconds',
      help: 'For roles with due tasks: seconds since the last claim, or since the oldest task became due if that is later.',
      labelNames: ['role'],
      registers,
      async collect() {
        this.reset();
        for (const [role, seconds] of greatest(await rows(), 'unclaimed_seconds'))
          this.set({ role }, seconds);
      },
    });
    new Gauge({
      name: 'mesh_role_paused',
      help: '1 for each paused role.',
      labelNames: ['role'],
      registers,
      async collect() {
        this.reset();
        for (const { role, is_paused } of await rows()) if (is_paused) this.set({ role }, 1);
      },
    });
  }

  /** Returns the roles with open tasks. Roles beyond the limit have the label {@link OTHER_ROLES}. */
  private async rows(): Promise<readonly RoleWork[]> {
    const now = performance.now();
    if (!this.cached || now >= this.cachedUntil) {
      this.cachedUntil = now + CACHE_MS;
      this.cached = this.read();
    }
    return this.cached;
  }

  private async read(): Promise<readonly RoleWork[]> {
    try {
      const rows = await this.transactions.read((manager) => this.metrics.listRoleWork(manager));
      return rows.map((row, place) =>
        place < MAX_ROLE_LABELS ? row : { ...row, role: OTHER_ROLES },
      );
    } catch {
      // The scrape succeeds without these gauges: other metrics show that the database is down.
      this.logger.debug('Cannot read the open tasks');
      return [];
    }
  }
}

/** Returns the greatest value of each label. */
function greatest(
  rows: readonly RoleWork[],
  member: 'oldest_seconds' | 'unclaimed_seconds',
): Map<string, number> {
  const values = new Map<string, number>();
  for (const { role, [member]: value } of rows) {
    if (value !== null) values.set(role, Math.max(value, values.get(role) ?? 0));
  }
  return values;
}
