import type { Message } from '@a2a-js/sdk';
import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { actingRole } from '../auth/roles.js';
import { parseId } from '../common/ids.js';
import { parseUuid } from '../common/uuid.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { IdempotencyService } from '../idempotency/idempotency.service.js';
import { type KeyedRequest, keyedRequest } from '../idempotency/keyed-request.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { taskFinished } from '../lifecycle/task-summary.js';
import { InProcessMeshService } from '../mcp/http/in-process-mesh.service.js';
import { MeshError } from '../mcp/tools/mesh-client.js';
import { requestLineOf } from '../mcp/tools/operations.js';
import { A2aRefusal } from './a2a-failure.js';
import { assertNoFiles, storedMessage, toRoutedTask } from './a2a-message.js';
import { isTerminal, stateOf } from './a2a-state.js';
import { MESSAGE_EVENT } from './a2a-tasks.repository.js';
import type { TaskFacts } from './task-facts.js';
import { TaskReaderService } from './task-reader.service.js';

/**
 * Makes tasks of messages. The id of a message is the idempotency key of `POST /tasks/route`, so a repeated message, also
 * one that REST or MCP sends with the key, leads to the same task.
 */
@Injectable()
export class MessagesService {
  constructor(
    private readonly mesh: InProcessMeshService,
    private readonly reader: TaskReaderService,
    private readonly states: TaskStatesService,
    private readonly idempotency: IdempotencyService,
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Sends a message to the role and returns the id of its task.
   *
   * @throws A2aRefusal if the message has a file, its context is not valid or its task has ended
   * @throws DomainError or MeshError the errors of `POST /tasks/route`
   */
  async send(agent: Agent, role: string, message: Message): Promise<string> {
    assertNoFiles(message.parts);
    const trace = traceOf(message.contextId);
    if (message.taskId !== '') return this.append(agent, role, message);
    const { body } = await this.mesh
      .of(agent)
      .call('route_task', {
        body: toRoutedTask(role, message),
        key: message.messageId,
        ...(trace !== undefined && { trace_id: trace }),
      })
      .catch((error: unknown) => {
        throw withMessageNames(error);
      });
    const reference = parseId(body.task_id, ['task']);
    if (!reference) throw new Error('A routed task has no id');
    return reference.id;
  }

  /** Adds a message to an open task, as an event that its participants can read. */
  private async append(agent: Agent, role: string, message: Message): Promise<string> {
    const work = async () => {
      const { id, trace_id } = await this.findOpen(agent, role, message);
      await this.transactions.run(async (manager) => {
        const { from_role } = await this.states.lockOpen(manager, id);
        this.audit.record(manager, {
          event_type: MESSAGE_EVENT,
          trace_id,
          by: { role: actingRole(agent, roleOf(agent, from_role)), subject: agent.subject },
          task_id: id,
          metadata: { message_id: message.messageId, told: storedMessage(message) },
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

/** Names of the members of a message for those of a routed task. */
const MESSAGE_NAMES: Readonly<Record<string, string>> = {
  '/task/task_type': 'message.metadata["mesh.taskType"]',
  '/task/description': 'message.parts',
  '/task/data': 'message.parts',
  '/context': 'message',
  '/from_role': 'message.metadata["mesh.fromRole"]',
  '/parent_task_id': 'message.referenceTaskIds[0]',
  '/target': 'the role in the path',
};

/** Returns an error of a routed task with the names of the members of its message. */
function withMessageNames(error: unknown): unknown {
  const code = error instanceof MeshError ? error.problem.code : undefined;
  if (code === 'idempotency.payload_mismatch') return usedBefore();
  if (code === 'idempotency.in_progress') return inProgress();
  if (!(error instanceof MeshError) || error.problem.code !== 'request.invalid') return error;
  const problems = (error.problem.errors ?? []).map(({ pointer, message }) => {
    const name = Object.keys(MESSAGE_NAMES).find((known) => pointer.startsWith(known));
    return { pointer: (name && MESSAGE_NAMES[name]) ?? pointer, message };
  });
  const text = problems.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ');
  return new A2aRefusal('params', text || error.message, problems);
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

function usedBefore(): A2aRefusal {
  return new A2aRefusal(
    'params',
    'This message.messageId was used with other content. Use a new messageId for a new message.',
  );
}

function inProgress(): DomainError {
  return new DomainError(
    'idempotency.in_progress',
    'The message with this messageId is in progress. Send it again.',
    { retryAfter: 1 },
  );
}

function ended(): A2aRefusal {
  return new A2aRefusal('unsupported', 'The task has ended and accepts no further messages.');
}

/** @throws A2aRefusal because another context would have to replace it (A2A 1.0, section 3.4.1) */
function traceOf(contextId: string): string | undefined {
  if (contextId === '') return undefined;
  const trace = parseUuid(contextId);
  if (trace !== undefined) return trace;
  throw new A2aRefusal(
    'params',
    'message.contextId must be a UUID. Omit it to start a new context, whose id the task contains.',
  );
}
