import {
  type AgentCard,
  type CancelTaskRequest,
  type DeleteTaskPushNotificationConfigRequest,
  type GetExtendedAgentCardRequest,
  type GetTaskPushNotificationConfigRequest,
  type GetTaskRequest,
  type ListTaskPushNotificationConfigsRequest,
  type ListTaskPushNotificationConfigsResponse,
  type ListTasksRequest,
  type ListTasksResponse,
  SendMessageRequest,
  type StreamResponse,
  SubscribeToTaskRequest,
  type Task,
  type TaskPushNotificationConfig,
} from '@a2a-js/sdk';
import type { A2ARequestHandler, ServerCallContext } from '@a2a-js/sdk/server';
import type { Agent } from '../auth/agent.js';
import { A2aRefusal } from './a2a-failure.js';
import { type A2aCaller, callerOf } from './a2a-caller.js';
import type { Operation } from './a2a-parameters.js';
import type { AgentCardsService } from './agent-cards.service.js';
import type { CancellationsService } from './cancellations.service.js';
import type { MessagesService } from './messages.service.js';
import type { PushConfigsService } from './push-configs.service.js';
import type { TaskListsService } from './task-lists.service.js';
import type { TaskReaderService } from './task-reader.service.js';
import type { TaskStreamsService } from './task-streams.service.js';
import type { TaskWaitsService } from './task-waits.service.js';

/** The services that the agents of all roles use. */
export interface AgentServices {
  readonly cards: AgentCardsService;
  readonly messages: MessagesService;
  readonly reader: TaskReaderService;
  readonly waits: TaskWaitsService;
  readonly lists: TaskListsService;
  readonly cancellations: CancellationsService;
  readonly streams: TaskStreamsService;
  readonly pushConfigs: PushConfigsService;
}

/** A URL in the card from which the SDK reads versions and capabilities. The card is not sent. */
const INTERNAL_URL = 'http://localhost';

/** A role as an A2A agent: the operations of the protocol, over the services of the controller. */
export class RoleAgent implements A2ARequestHandler {
  constructor(
    private readonly role: string,
    private readonly services: AgentServices,
  ) {}

  getAgentCard(): Promise<AgentCard> {
    return Promise.resolve(this.services.cards.unsigned(this.role, INTERNAL_URL));
  }

  getAuthenticatedExtendedAgentCard(
    { tenant }: GetExtendedAgentCardRequest,
    context: ServerCallContext,
  ): Promise<AgentCard> {
    return this.run(context, tenant, ({ publicUrl }) =>
      this.services.cards.get(this.role, publicUrl, true),
    );
  }

  sendMessage(request: SendMessageRequest, context: ServerCallContext): Promise<Task> {
    const { waits, reader } = this.services;
    return this.run(context, request.tenant, async ({ agent, gone }) => {
      const { configuration } = request;
      const id = await this.send(agent, request);
      const facts =
        configuration?.returnImmediately === true
          ? await reader.find(agent, this.role, id)
          : await waits.wait(agent, this.role, id, gone);
      return reader.present(agent, facts, configuration?.historyLength);
    });
  }

  sendMessageStream(
    _request: SendMessageRequest,
    context: ServerCallContext,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    return openedStream(context);
  }

  getTask(
    { id, tenant, historyLength }: GetTaskRequest,
    context: ServerCallContext,
  ): Promise<Task> {
    const { reader } = this.services;
    return this.run(context, tenant, async ({ agent }) =>
      reader.present(agent, await reader.find(agent, this.role, id), historyLength),
    );
  }

  listTasks(request: ListTasksRequest, context: ServerCallContext): Promise<ListTasksResponse> {
    return this.run(context, request.tenant, ({ agent }) =>
      this.services.lists.list(agent, this.role, request),
    );
  }

  cancelTask({ id, tenant }: CancelTaskRequest, context: ServerCallContext): Promise<Task> {
    const { cancellations, reader } = this.services;
    return this.run(context, tenant, async ({ agent }) =>
      reader.present(agent, await cancellations.cancel(agent, this.role, id)),
    );
  }

  resubscribe(
    _request: SubscribeToTaskRequest,
    context: ServerCallContext,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    return openedStream(context);
  }

  /**
   * Opens the stream of an operation. The SDK logs every error of a stream, also those of clients, so errors before the
   * first update are thrown here.
   */
  async openStream(operation: Operation, parameters: unknown, caller: A2aCaller): Promise<void> {
    const { reader, streams } = this.services;
    const { agent } = caller;
    if (operation === 'SendStreamingMessage') {
      const request = SendMessageRequest.fromJSON(parameters);
      assertNoTenant(request.tenant);
      streams.assertPlace(agent);
      const id = await this.send(agent, request);
      const historyLength = request.configuration?.historyLength;
      caller.stream = streams.stream(caller, this.role, id, historyLength);
    } else if (operation === 'SubscribeToTask') {
      const { tenant, id } = SubscribeToTaskRequest.fromJSON(parameters);
      assertNoTenant(tenant);
      const facts = await reader.find(agent, this.role, id);
      streams.assertOpen(agent, facts);
      streams.assertPlace(agent);
      caller.stream = streams.stream(caller, this.role, facts.id);
    }
  }

  createTaskPushNotificationConfig(
    config: TaskPushNotificationConfig,
    context: ServerCallContext,
  ): Promise<TaskPushNotificationConfig> {
    return this.run(context, config.tenant, ({ agent }) =>
      this.services.pushConfigs.create(agent, this.role, config),
    );
  }

  getTaskPushNotificationConfig(
    { tenant, taskId, id }: GetTaskPushNotificationConfigRequest,
    context: ServerCallContext,
  ): Promise<TaskPushNotificationConfig> {
    return this.run(context, tenant, ({ agent }) =>
      this.services.pushConfigs.get(agent, this.role, taskId, id),
    );
  }

  listTaskPushNotificationConfigs(
    { tenant, taskId }: ListTaskPushNotificationConfigsRequest,
    context: ServerCallContext,
  ): Promise<ListTaskPushNotificationConfigsResponse> {
    return this.run(context, tenant, ({ agent }) =>
      this.services.pushConfigs.list(agent, this.role, taskId),
    );
  }

  deleteTaskPushNotificationConfig(
    { tenant, taskId, id }: DeleteTaskPushNotificationConfigRequest,
    context: ServerCallContext,
  ): Promise<void> {
    return this.run(context, tenant, ({ agent }) =>
      this.services.pushConfigs.delete(agent, this.role, taskId, id),
    );
  }

  /** Sends the message of a request, stores its push notification configuration, and returns the id of its task. */
  private async send(
    agent: Agent,
    { message: given, configuration }: SendMessageRequest,
  ): Promise<string> {
    const { messages, pushConfigs } = this.services;
    const message = required(given, 'message');
    const push = configuration?.taskPushNotificationConfig;
    if (push) {
      assertNoTenant(push.tenant);
      await pushConfigs.assertUsable(push);
    }
    const id = await messages.send(agent, this.role, message);
    if (push) await pushConfigs.createOfMessage(agent, this.role, id, push, message.taskId === '');
    return id;
  }

  /** Runs an operation, and keeps its error for the response. */
  private async run<T>(
    context: ServerCallContext,
    tenant: string,
    work: (caller: A2aCaller) => Promise<T>,
  ): Promise<T> {
    const caller = callerOf(context);
    try {
      assertNoTenant(tenant);
      return await work(caller);
    } catch (error) {
      caller.failure = error;
      throw error;
    }
  }
}

async function* openedStream(
  context: ServerCallContext,
): AsyncGenerator<StreamResponse, void, undefined> {
  const caller = callerOf(context);
  if (!caller.stream) throw new Error('The stream is not open');
  let hasBegun = false;
  try {
    for await (const update of caller.stream) {
      hasBegun = true;
      yield update;
    }
  } catch (error) {
    caller.failure = error;
    // A stream that has begun ends. The SDK would write the message of any error into it; the client subscribes again, and
    // receives the error as a response.
    if (!hasBegun) throw error;
  }
}

function assertNoTenant(tenant: string): void {
  if (tenant !== '') throw new A2aRefusal('params', 'This agent has no tenants. Omit tenant.');
}

function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new A2aRefusal('params', `${name} is required`);
}
