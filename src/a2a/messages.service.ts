import type { Message } from '@a2a-js/sdk';
import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { parseId } from '../common/ids.js';
import { parseUuid } from '../common/uuid.js';
import { InProcessMeshService } from '../mcp/http/in-process-mesh.service.js';
import { MeshError } from '../mcp/tools/mesh-client.js';
import { A2aRefusal } from './a2a-failure.js';
import { assertNoFiles, toRoutedTask } from './a2a-message.js';
import { FurtherMessagesService } from './further-messages.service.js';
import { inProgress, usedBefore } from './message-refusals.js';

/**
 * Makes tasks of messages. The id of a message is the idempotency key of `POST /tasks/route`, so a repeated message, also
 * one that REST or MCP sends with the key, leads to the same task.
 */
@Injectable()
export class MessagesService {
  constructor(
    private readonly mesh: InProcessMeshService,
    private readonly further: FurtherMessagesService,
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
    if (message.taskId !== '') return this.further.append(agent, role, message);
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
