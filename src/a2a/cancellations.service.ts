import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { InProcessMeshService } from '../mcp/http/in-process-mesh.service.js';
import { MeshError } from '../mcp/tools/mesh-client.js';
import { A2aRefusal } from './a2a-failure.js';
import { isTerminal, stateOf } from './a2a-state.js';
import type { TaskFacts } from './task-facts.js';
import { TaskReaderService } from './task-reader.service.js';

/** Cancels tasks, for their requester role. */
@Injectable()
export class CancellationsService {
  constructor(
    private readonly mesh: InProcessMeshService,
    private readonly reader: TaskReaderService,
  ) {}

  /**
   * Cancels a task of a role and returns it.
   *
   * @throws A2aRefusal if the task has ended
   * @throws MeshError the errors of `POST /tasks/{id}/cancel`
   */
  async cancel(agent: Agent, role: string, given: string): Promise<TaskFacts> {
    const facts = await this.reader.find(agent, role, given);
    if (isTerminal(stateOf(facts, agent.roles).state)) throw notCancelable();
    try {
      await this.mesh.of(agent).call('cancel_task', { id: facts.id, body: {} });
    } catch (error) {
      const hasEnded = error instanceof MeshError && error.problem.code === 'task.finished';
      throw hasEnded ? notCancelable() : error;
    }
    return this.reader.find(agent, role, given);
  }
}

function notCancelable(): A2aRefusal {
  return new A2aRefusal('not_cancelable', 'The task has ended and cannot be canceled.');
}
