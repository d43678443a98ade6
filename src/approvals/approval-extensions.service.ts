import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { SYSTEM } from '../auth/actor.js';
import { type Outage, ServiceHeartbeatService } from '../database/service-heartbeat.service.js';
import { sql } from '../database/sql.js';
import { approvalEvent } from './approval-events.js';

/** Extends approvals after an outage, during which they could be neither decided nor consumed. */
@Injectable()
export class ApprovalExtensionsService implements OnModuleInit {
  constructor(
    private readonly heartbeat: ServiceHeartbeatService,
    private readonly audit: AuditService,
  ) {}

  onModuleInit(): void {
    this.heartbeat.add({
      name: 'approvals',
      run: (manager, outage) => this.extend(manager, outage),
    });
  }

  private async extend(manager: EntityManager, { seconds, graceSeconds }: Outage): Promise<number> {
    const parameters = [graceSeconds, seconds];
    const extended = [
      ...(await sql<Extended>(manager, EXTEND_PENDING, parameters)),
      ...(await sql<Extended>(manager, EXTEND_APPROVED, parameters)),
    ];
    this.audit.recordAll(
      manager,
      extended.map(({ until, ...approval }) =>
        approvalEvent('approval_extended', approval, approval, SYSTEM, { until, reason: 'outage' }),
      ),
    );
    return extended.length;
  }
}

interface Extended {
  id: string;
  task_id: string;
  approver_role: string;
  trace_id: string;
  until: Date;
}

/**
 * Adds the length of the outage to the remaining time, which is then at least the grace period. The deadline of the
 * task limits the result.
 */
const extending = (column: string, status: string): string => `
  WITH due AS MATERIALIZED (
    SELECT id FROM approvals
     WHERE ${status} AND ${column} > (SELECT beat_at FROM service_heartbeat)
       AND ${column} < now() + make_interval(secs => $1)
     FOR UPDATE SKIP LOCKED
  )
  UPDATE approvals a
     SET ${column} = least(
           greatest(a.${column} + make_interval(secs => $2), now() + make_interval(secs => $1)), t.deadline_at)
    FROM due, tasks t
   WHERE a.id = due.id AND t.id = a.task_id AND (t.deadline_at IS NULL OR t.deadline_at > a.${column})
  RETURNING a.id, a.task_id, a.approver_role, t.trace_id, a.${column} AS until`;

const EXTEND_PENDING = extending('expires_at', `status = 'pending'`);
const EXTEND_APPROVED = extending('consume_until', `status = 'approved' AND consumed_at IS NULL`);
