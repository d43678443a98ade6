import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { Metrics } from './metrics.js';

/** Counts what happened in the mesh, as its audit events tell it. */
@Injectable()
export class EventMetrics {
  private readonly transitions: Counter<'from' | 'to'>;
  private readonly routed: Counter;
  private readonly decisions: Counter<'decision'>;
  private readonly denied: Counter;

  constructor({ registry }: Metrics) {
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
    this.denied = new Counter({
      name: 'mesh_access_denied_total',
      help: 'Requests refused for want of entitlement.',
      registers,
    });
  }

  /** Counts one committed event. */
  count(eventType: string, metadata: Readonly<Record<string, unknown>>): void {
    switch (eventType) {
      case 'session_transitioned':
        this.transitions.inc({ from: String(metadata.from), to: String(metadata.to) });
        break;
      case 'task_routed':
        this.routed.inc();
        break;
      case 'approval_decided':
        this.decisions.inc({ decision: String(metadata.decision) });
        break;
      case 'access_denied':
        this.denied.inc();
        break;
    }
  }
}
