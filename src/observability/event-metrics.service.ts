import { Injectable } from '@nestjs/common';
import { Counter, Histogram } from 'prom-client';
import { MetricsService } from './metrics.service.js';
import { RoleLabels } from './role-labels.js';

/** Types of audit events that record a status change. */
const STATUS_CHANGES = new Set([
  'session_transitioned',
  'task_claimed',
  'task_released',
  'task_cancelled',
]);

/** Metrics of tasks, sessions and approvals, derived from committed audit events. */
@Injectable()
export class EventMetricsService {
  private readonly transitions: Counter<'from' | 'to'>;
  private readonly routed: Counter;
  private readonly decisions: Counter<'decision'>;
  private readonly timeToDecide: Histogram<'decision'>;
  private readonly approvalsExpired: Counter;
  private readonly denied: Counter;
  private readonly claims: Counter;
  private readonly leasesLost: Counter;
  private readonly dead: Counter;
  private readonly waits: Histogram<'role'>;
  private readonly waitRoles = new RoleLabels();

  constructor({ registry }: MetricsService) {
    const registers = [registry];
    this.transitions = new Counter({
      name: 'mesh_session_transitions_total',
      help: 'Committed changes of session status.',
      labelNames: ['from', 'to'],
      registers,
    });
    this.routed = new Counter({
      name: 'mesh_tasks_routed_total',
      help: 'Tasks routed.',
      registers,
    });
    this.decisions = new Counter({
      name: 'mesh_approval_decisions_total',
      help: 'Approvals decided.',
      labelNames: ['decision'],
      registers,
    });
    for (const decision of ['approved', 'rejected']) this.decisions.inc({ decision }, 0);
    this.timeToDecide = new Histogram({
      name: 'mesh_approval_decision_seconds',
      help: 'Seconds that approvals were pending before they were decided.',
      labelNames: ['decision'],
      buckets: [1, 10, 60, 300, 1800, 3600, 14_400, 86_400, 259_200],
      registers,
    });
    this.approvalsExpired = new Counter({
      name: 'mesh_approvals_expired_total',
      help: 'Approvals that expired without a decision.',
      registers,
    });
    this.denied = new Counter({
      name: 'mesh_access_denied_total',
      help: 'Requests denied because the caller lacks permission.',
      registers,
    });
    this.claims = new Counter({
      name: 'mesh_task_claims_total',
      help: 'Tasks claimed.',
      registers,
    });
    this.leasesLost = new Counter({
      name: 'mesh_leases_lost_total',
      help: 'Attempts that ended because their lease expired without a heartbeat.',
      registers,
    });
    this.dead = new Counter({
      name: 'mesh_tasks_dead_total',
      help: 'Tasks that became dead because all attempts are used up.',
      registers,
    });
    this.waits = new Histogram({
      name: 'mesh_task_inbox_wait_seconds',
      help: 'Seconds that tasks were due before an agent claimed them.',
      labelNames: ['role'],
      buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 86_400],
      registers,
    });
  }

  /**
   * Counts one committed event. Its metadata is reliable only if the controller wrote the event.
   *
   * @param role the role of the actor; of a claim, that of the attempt
   */
  count(eventType: string, metadata: Readonly<Record<string, unknown>>, role: string): void {
    const {
      from,
      to,
      reason,
      decision,
      waited_seconds: waited,
      pending_seconds,
      repeated,
    } = metadata;
    if (STATUS_CHANGES.has(eventType)) {
      this.transitions.inc({ from: String(from), to: String(to) });
      if (reason === 'lease_lost') this.leasesLost.inc();
      if (metadata.dead === true) this.dead.inc();
    }
    if (eventType === 'task_routed') this.routed.inc();
    if (eventType === 'task_claimed') {
      this.claims.inc();
      if (typeof waited === 'number') {
        this.waits.observe({ role: this.waitRoles.labelOf(role) }, waited);
      }
    }
    if (eventType === 'approval_decided') {
      this.decisions.inc({ decision: String(decision) });
      if (typeof pending_seconds === 'number') {
        this.timeToDecide.observe({ decision: String(decision) }, pending_seconds);
      }
    }
    if (eventType === 'approval_expired') this.approvalsExpired.inc();
    if (eventType === 'access_denied') this.denied.inc(typeof repeated === 'number' ? repeated : 1);
  }
}
