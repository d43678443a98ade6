import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { waitUntil } from '../database/wait-until.js';
import { EventHubService } from '../events/event-hub.service.js';
import { endsWait, stateOf } from './a2a-state.js';
import type { TaskFacts } from './task-facts.js';
import { TaskReaderService } from './task-reader.service.js';

/** Milliseconds between reads. They find changes whose event is late. */
const POLL_MS = 5_000;

/** Waits for the end of tasks. A waiting request has no database connection. */
@Injectable()
export class TaskWaitsService {
  constructor(
    private readonly reader: TaskReaderService,
    private readonly hub: EventHubService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns a task as soon as it has ended or an approval waits for a role of the caller, at the latest after
   * `A2A_BLOCKING_SECONDS`.
   */
  wait(agent: Agent, role: string, id: string, gone: AbortSignal): Promise<TaskFacts> {
    const deadline = performance.now() + this.environment.A2A_BLOCKING_SECONDS * 1_000;
    return waitUntil(
      {
        read: () => this.reader.find(agent, role, id),
        isMet: (facts) => endsWait(stateOf(facts, agent.roles).state),
        subscribe: (wake) => this.hub.subscribe(wake, id),
        pollMs: () => POLL_MS,
      },
      { deadline, gone, source: this.hub },
    );
  }
}
