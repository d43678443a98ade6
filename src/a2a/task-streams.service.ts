import type { StreamResponse } from '@a2a-js/sdk';
import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { EventHubService } from '../events/event-hub.service.js';
import { EventReaderService } from '../events/event-reader.service.js';
import { EventStreamsService } from '../events/event-streams.service.js';
import type { A2aCaller } from './a2a-caller.js';
import { A2aRefusal } from './a2a-failure.js';
import { isTerminal, stateOf } from './a2a-state.js';
import type { TaskFacts } from './task-facts.js';
import { TaskReaderService } from './task-reader.service.js';
import { TaskStream } from './task-stream.js';

/** Streams the updates of tasks. Streams count as event streams of the caller and of the instance. */
@Injectable()
export class TaskStreamsService {
  constructor(
    private readonly reader: TaskReaderService,
    private readonly events: EventReaderService,
    private readonly places: EventStreamsService,
    private readonly hub: EventHubService,
  ) {}

  /** @throws A2aRefusal if the task has ended */
  assertOpen(agent: Agent, facts: TaskFacts): void {
    if (!isTerminal(stateOf(facts, agent.roles).state)) return;
    throw new A2aRefusal(
      'unsupported',
      'The task has ended, so there are no updates. Get the task.',
    );
  }

  /**
   * Asserts that the caller can open another stream, before a message for it is sent.
   *
   * @throws DomainError `events.too_many_streams` or `server.overloaded`
   */
  assertPlace(agent: Agent): void {
    this.places.enter(agent)();
  }

  /** Yields a task, then its updates until it has ended. */
  async *stream(
    caller: A2aCaller,
    role: string,
    id: string,
    historyLength?: number,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    const { agent } = caller;
    const leave = this.places.enter(agent);
    try {
      const selection = await this.events.open(agent, { task_id: id });
      // Before the task is read, so that no change after that is missed.
      const after = await this.events.startAfter(undefined);
      const read = (): Promise<TaskFacts> => this.reader.find(agent, role, id);
      const facts = await read();
      const task = await this.reader.present(agent, facts, historyLength);
      yield { payload: { $case: 'task', value: task } };
      if (isTerminal(stateOf(facts, agent.roles).state)) return;
      const { hub, events } = this;
      yield* new TaskStream(facts, caller, selection, after, { hub, events, read }).updates();
    } finally {
      leave();
    }
  }
}
