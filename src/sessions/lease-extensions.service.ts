import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ServiceHeartbeatService } from '../database/service-heartbeat.service.js';
import { sql } from '../database/sql.js';

/** Extends leases after an outage, in which no worker could send a heartbeat. */
@Injectable()
export class LeaseExtensionsService implements OnModuleInit {
  constructor(private readonly heartbeat: ServiceHeartbeatService) {}

  onModuleInit(): void {
    this.heartbeat.add({
      name: 'leases',
      run: async (manager, { graceSeconds }) => (await sql(manager, EXTEND, [graceSeconds])).length,
    });
  }
}

/** Skips locked rows: the transaction that has the lock extends the lease or ends the attempt. */
const EXTEND = `
  WITH held AS MATERIALIZED (
    SELECT id FROM sessions
     WHERE attempt IS NOT NULL AND status = 'active'
       AND lease_expires_at > (SELECT beat_at FROM service_heartbeat)
       AND lease_expires_at < now() + make_interval(secs => $1)
     FOR UPDATE SKIP LOCKED
  )
  UPDATE sessions s SET lease_expires_at = least(clock_timestamp() + make_interval(secs => $1), s.run_until)
    FROM held WHERE s.id = held.id
  RETURNING 1`;
