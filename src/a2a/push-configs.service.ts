import type {
  ListTaskPushNotificationConfigsResponse,
  TaskPushNotificationConfig,
} from '@a2a-js/sdk';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { newId } from '../common/new-id.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { WebhookUrlsService } from '../webhooks/webhook-urls.service.js';
import { A2aRefusal } from './a2a-failure.js';
import type { PushConfig } from './push-config.entity.js';
import { PushConfigsRepository } from './push-configs.repository.js';
import { PushSecretsService } from './push-secrets.service.js';
import type { TaskFacts } from './task-facts.js';
import { TaskReaderService } from './task-reader.service.js';

/** Maximum number of configurations of an owner for one task. */
const MAX_CONFIGS = 10;

/** Types of the audit events. */
const SET = 'agent.a2a.push_config_set';
const DELETED = 'agent.a2a.push_config_deleted';

/** The push notification configurations of a caller for tasks that it can read. */
@Injectable()
export class PushConfigsService {
  constructor(
    private readonly configs: PushConfigsRepository,
    private readonly secrets: PushSecretsService,
    private readonly reader: TaskReaderService,
    private readonly urls: WebhookUrlsService,
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
  ) {}

  /** Whether the controller can store configurations. */
  get isSupported(): boolean {
    return this.secrets.isConfigured;
  }

  /**
   * Asserts that a configuration can be stored, before a message with it is sent.
   *
   * @throws A2aRefusal if the controller stores none
   * @throws DomainError `webhook.url_refused`
   */
  async assertUsable({ url }: Pick<TaskPushNotificationConfig, 'url'>): Promise<void> {
    this.assertSupported();
    await this.urls.assertAllowed(url);
  }

  /** Stores a new configuration. Without an id it receives one. */
  async create(
    agent: Agent,
    role: string,
    config: TaskPushNotificationConfig,
  ): Promise<TaskPushNotificationConfig> {
    await this.assertUsable(config);
    const facts = await this.reader.find(agent, role, config.taskId);
    const id = config.id === '' ? newId() : config.id;
    return this.save(agent, facts, { ...config, id }, false);
  }

  /**
   * Stores the configuration of a message. Without an id it receives that of the task, so that a repeated message stores
   * it once.
   */
  async createOfMessage(
    agent: Agent,
    role: string,
    taskId: string,
    config: TaskPushNotificationConfig,
    isNewTask: boolean,
  ): Promise<void> {
    const facts = await this.reader.find(agent, role, taskId);
    const id = config.id === '' ? facts.id : config.id;
    await this.save(agent, facts, { ...config, id }, isNewTask);
  }

  /** @throws A2aRefusal if the caller has no configuration with this id */
  async get(
    agent: Agent,
    role: string,
    taskId: string,
    id: string,
  ): Promise<TaskPushNotificationConfig> {
    const { id: task_id } = await this.findTask(agent, role, taskId);
    const key = { task_id, owner: agent.subject, id };
    const config = await this.transactions.read((manager) => this.configs.find(manager, key));
    if (config) return this.present(config);
    throw new A2aRefusal(
      'not_found',
      'You have no push notification configuration with this id for the task.',
    );
  }

  async list(
    agent: Agent,
    role: string,
    taskId: string,
  ): Promise<ListTaskPushNotificationConfigsResponse> {
    const { id: task_id } = await this.findTask(agent, role, taskId);
    const configs = await this.transactions.read((manager) =>
      this.configs.list(manager, task_id, agent.subject),
    );
    return { configs: configs.map((config) => this.present(config)), nextPageToken: '' };
  }

  /** Deletes a configuration. Does nothing if there is none. */
  async delete(agent: Agent, role: string, taskId: string, id: string): Promise<void> {
    const facts = await this.findTask(agent, role, taskId);
    const key = { task_id: facts.id, owner: agent.subject, id };
    await this.transactions.run(async (manager) => {
      if (!(await this.configs.delete(manager, key))) return;
      this.record(manager, agent, facts, DELETED, { config_id: id });
    });
  }

  private assertSupported(): void {
    if (this.isSupported) return;
    throw new A2aRefusal(
      'push',
      'This agent sends no push notifications, because WEBHOOK_SECRET_KEY is not set. Subscribe to the task.',
    );
  }

  private findTask(agent: Agent, role: string, taskId: string): Promise<TaskFacts> {
    this.assertSupported();
    return this.reader.find(agent, role, taskId);
  }

  private save(
    agent: Agent,
    facts: TaskFacts,
    config: TaskPushNotificationConfig,
    isFromStart: boolean,
  ): Promise<TaskPushNotificationConfig> {
    const key = { task_id: facts.id, owner: agent.subject, id: config.id };
    const values = {
      ...key,
      to_role: facts.to_role,
      roles: [...agent.roles],
      url: config.url,
      secret: this.secrets.seal(key, config),
    };
    return this.transactions.run(async (manager) => {
      const saved = await this.configs.save(manager, values, { limit: MAX_CONFIGS, isFromStart });
      if (!saved) throw tooManyConfigs();
      const { origin } = new URL(config.url);
      this.record(manager, agent, facts, SET, { config_id: config.id, origin });
      return this.present(saved);
    });
  }

  /** The event is not one of the task, because its other participants do not see the configurations of the caller. */
  private record(
    manager: EntityManager,
    agent: Agent,
    { id, trace_id }: TaskFacts,
    event_type: typeof SET | typeof DELETED,
    metadata: Record<string, string>,
  ): void {
    const role = defaultActingRole(agent) ?? agent.roles[0] ?? '';
    this.audit.record(manager, {
      event_type,
      trace_id,
      by: { role, subject: agent.subject },
      metadata: { ...metadata, task_id: id },
    });
  }

  /** Returns a configuration without its token and credentials. */
  private present(config: PushConfig): TaskPushNotificationConfig {
    const scheme = this.secrets.open(config)?.scheme;
    return {
      tenant: '',
      id: config.id,
      taskId: config.task_id,
      url: config.url,
      token: '',
      authentication: scheme === undefined ? undefined : { scheme, credentials: '' },
    };
  }
}

function tooManyConfigs(): DomainError {
  return new DomainError(
    'webhook.limit_reached',
    `You have ${MAX_CONFIGS} push notification configurations for the task. Delete one first.`,
  );
}
