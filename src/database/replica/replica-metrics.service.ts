import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { MetricsService } from '../../observability/metrics.service.js';
import { READ_REPLICA_STATES, ReadReplicaService } from './read-replica.service.js';

/** The state of the read replica as a metric. */
@Injectable()
export class ReplicaMetricsService {
  constructor({ registry }: MetricsService, replica: ReadReplicaService) {
    new Gauge({
      name: 'database_replica_state',
      help: '1 for the present state of the read replica, else 0. State ok: it serves lists. Without a read replica, 0 for all states.',
      labelNames: ['state'],
      registers: [registry],
      collect() {
        for (const state of READ_REPLICA_STATES) {
          this.set({ state }, Number(state === replica.state));
        }
      },
    });
  }
}
