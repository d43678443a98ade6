import type { Message } from '@a2a-js/sdk';
import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { actingRole } from '../auth/roles.js';
import { parseUuid } from '../common/uuid.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { IdempotencyService } from '../idempotency/idempotency.service.js';
import { type KeyedRequest, keyedRequest } from '../idempotency/keyed-request.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { taskFinished } from '../lifecycle/task-summary.js';
import { requestLineOf } from '../mcp/tools/operations.js';
import { A2aRefusal } from './a2a-failure.js';
import { storedMessage } from './a2a-message.js';
import { isTerminal, stateOf } from './a2a-state.js';
import { A2aTasksRepository, MESSAGE_EVENT } from './a2a-tasks.repository.js';
import { inProgress, usedBefore } from './message-refusals.js';
import type { TaskFacts } from './task-facts.js';
import { TaskReaderService } from './task-reader.service.js';

/** Bytes of all further messages of a task, because a response contains all of them. */
const MAX_BYTES = 2 ** 20;

/** Adds messages to open tasks. */
@Injectable()
export class FurtherMessagesService {
  constructor(
    private readonly reader: TaskReaderService,
    private readonly states: TaskStatesService,
    private readonly tasks: A2aTasksRepository,
    private readonly idempotency: IdempotencyService,
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Adds a message to the task that it names, as an event that its participants can read. Returns the id of the task.
   *
   * @throws A2aRefusal if the task has ended, is of another context or has too many messages
   * @throws DomainError `idempotency.in_progress`, and the errors of `GET /tasks/{id}`
   */
  async append(agent: Agent, role: string, message: Message): Promise<string> {
    const work = async () => {
      const { id, trace_id } = await this.findOpen(agent, role, message);
      await this.transactions.run(async (manager) => {
        const { from_role } = await this.states.lockOpen(manager, id);
        const text = storedMessage(message);
        const size = await this.tasks.getSizeOfMessages(manager, id);
        if (size + Buffer.byteLength(text) > MAX_BYTES) throw tooMuch();
        this.audit.record(manager, {
          event_type: MESSAGE_EVENT,
          trace_id,
          by: { role: actingRole(agent, roleOf(agent, from_role)), subject: agent.subject },
          task_id: id,
          metadata: { message_id: message.messageId, told: text },
        });
      });
      return { status: 202, body: JSON.stringify({ task_id: id }) };
    };
    try {
      await this.idempotency.execute(keyOf(agent, message), work);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (error.code === 'task.finished') throw ended();
      if (error.code === 'idempotency.payload_mismatch') throw usedBefore();
      throw error.code === 'idempotency.in_progress' ? inProgress() : error;
    }
    return (await this.reader.find(agent, role, message.taskId)).id;
  }

  private async findOpen(agent: Agent, role: string, message: Message): Promise<TaskFacts> {
    const facts = await this.reader.find(agent, role, message.taskId);
    if (message.contextId !== '' && parseUuid(message.contextId) !== facts.trace_id) {
      throw new A2aRefusal(
        'params',
        'message.contextId is not the context of the task. Omit it, or send the contextId of the task.',
      );
    }
    // A repeated message is refused here if the task has ended since, unless it has a record.
    if (isTerminal(stateOf(facts, agent.roles).state)) throw taskFinished(facts.status);
    return facts;
  }
}

/** The requester role if the caller holds it, because the caller speaks for it. */
function roleOf(agent: Agent, requester: string): string | undefined {
  return agent.roles.includes(requester) ? requester : undefined;
}

/** The keyed request of a message: the same one as that of a new task, so that an id of a message is used once. */
function keyOf(agent: Agent, message: Message): KeyedRequest {
  const request = keyedRequest({
    agent,
    rawKey: message.messageId,
    ...requestLineOf('route_task'),
    body: { message: storedMessage(message) },
    query: {},
  });
  if (!request)
    throw new InvalidInputError([{ pointer: 'message.messageId', message: 'required' }]);
  return request;
}

function ended(): A2aRefusal {
  return new A2aRefusal('unsupported', 'The task has ended and accepts no further messages.');
}

function tooMuch(): A2aRefusal {
  return new A2aRefusal(
    'params',
    'The messages to an open task can have 1 MiB together. Send a message without taskId, and with the task in referenceTaskIds.',
  );
}
