import type { MeshRequest, RequestOptions } from '../http.js';
import { List } from '../pages.js';
import type {
  Delivery,
  DeliveryFilter,
  DeliveryPage,
  CreateWebhookBody,
  Webhook,
  ReplayWebhookEventsBody,
  RotateWebhookSecretBody,
  WebhookReplay,
  WebhookTest,
  UpdateWebhookBody,
  WebhookWithSecret,
} from '../types.js';
import { Resource, segment, type WriteOptions } from './resource.js';

/** Endpoints that receive events. Requires the role `admin`. */
export class Webhooks extends Resource {
  /** Creates a webhook. Only this response and that of {@link rotate} contain the secret. */
  create(webhook: CreateWebhookBody, options?: RequestOptions): Promise<WebhookWithSecret> {
    return this.write('/webhooks', webhook, options);
  }

  /** Returns all webhooks. */
  async list(options?: RequestOptions): Promise<Webhook[]> {
    return (await this.read<{ webhooks: Webhook[] }>('/webhooks', options)).webhooks;
  }

  /** Returns a webhook. */
  get(id: string, options?: RequestOptions): Promise<Webhook> {
    return this.read(`/webhooks/${segment(id)}`, options);
  }

  /** Changes a webhook. The request is not repeated after a network error: read the webhook then. */
  update(id: string, update: UpdateWebhookBody, options: WriteOptions = {}): Promise<Webhook> {
    return this.call('PATCH', `/webhooks/${segment(id)}`, update, preconditionOf(options));
  }

  /** Deletes a webhook. The request is not repeated after a network error: list the webhooks then. */
  async delete(id: string, options: WriteOptions = {}): Promise<void> {
    await this.call('DELETE', `/webhooks/${segment(id)}`, undefined, preconditionOf(options));
  }

  /** Replaces the secret. For `overlap_seconds`, deliveries have a signature of each secret. */
  rotate(
    id: string,
    rotation: RotateWebhookSecretBody = {},
    options?: RequestOptions,
  ): Promise<WebhookWithSecret> {
    return this.write(`/webhooks/${segment(id)}/rotate`, rotation, options);
  }

  /** Sends a test event. */
  test(id: string, options?: RequestOptions): Promise<WebhookTest> {
    return this.write(`/webhooks/${segment(id)}/test`, undefined, options);
  }

  /** Lists the deliveries of a webhook, newest first. */
  deliveries(
    id: string,
    filter: DeliveryFilter = {},
    options: RequestOptions = {},
  ): List<Delivery, DeliveryPage> {
    const path = `/webhooks/${segment(id)}/deliveries`;
    return new List(this.http, path, { ...filter }, ({ deliveries }) => deliveries, options);
  }

  /** Delivers one event again. */
  redeliver(id: string, position: string | number, options?: RequestOptions): Promise<unknown> {
    const path = `/webhooks/${segment(id)}/deliveries/${segment(position)}/redeliver`;
    return this.write(path, undefined, options);
  }

  /** Delivers earlier events again. Returns their number. */
  replay(
    id: string,
    replay: ReplayWebhookEventsBody,
    options?: RequestOptions,
  ): Promise<WebhookReplay> {
    return this.write(`/webhooks/${segment(id)}/replay`, replay, options);
  }
}

function preconditionOf({ ifVersion, ...options }: WriteOptions): Partial<MeshRequest> {
  return ifVersion === undefined
    ? options
    : { ...options, headers: { 'if-match': `"${ifVersion}"` } };
}
