import type { Message, Task } from '@a2a-js/sdk';
import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { parseId } from '../common/ids.js';
import { TransactionsService } from '../database/transactions.service.js';
import { TasksReaderService } from '../tasks/tasks-reader.service.js';
import { A2aRefusal } from './a2a-failure.js';
import { furtherMessageOf } from './a2a-message.js';
import { toA2aTask } from './a2a-task.js';
import { A2aTasksRepository } from './a2a-tasks.repository.js';
import { factsOf, type TaskFacts } from './task-facts.js';

/** Reads the tasks of an agent, for their participants. */
@Injectable()
export class TaskReaderService {
  constructor(
    private readonly tasks: TasksReaderService,
    private readonly messages: A2aTasksRepository,
    private readonly transactions: TransactionsService,
  ) {}

  /**
   * Returns the facts of a task that was sent to a role.
   *
   * @throws A2aRefusal if the id is not one of such a task
   * @throws DomainError `task.not_found`
   */
  async find(agent: Agent, role: string, id: string): Promise<TaskFacts> {
    const reference = parseId(id, ['task']);
    if (!reference) throw taskNotFound();
    const facts = factsOf(await this.tasks.get(agent, reference.id));
    if (facts.to_role !== role) throw taskNotFound();
    return facts;
  }

  /** Returns a task in the form of the protocol, with its messages. */
  async present(agent: Agent, facts: TaskFacts, historyLength?: number): Promise<Task> {
    const further = historyLength === 0 ? [] : await this.furtherMessages(facts);
    return toA2aTask(facts, agent.roles, { historyLength, further });
  }

  private async furtherMessages(facts: TaskFacts): Promise<Message[]> {
    const { rows } = await this.transactions.read((manager) =>
      this.messages.listMessages(manager, [facts.id]),
    );
    return rows.flatMap(({ text }) => furtherMessageOf(text, facts) ?? []);
  }
}

function taskNotFound(): A2aRefusal {
  return new A2aRefusal('not_found', 'This agent has no task with this id that you can read.');
}
