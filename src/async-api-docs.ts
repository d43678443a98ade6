import type { OpenAPIObject } from '@nestjs/swagger';
import { DEFAULT_URL } from './api-docs.js';
import { AUDIT_EVENT_TYPES, COMMON_METADATA } from './audit/audit-event-types.js';
import { CLOUD_EVENTS, toCloudEventType } from './events/cloud-event.js';
import { ANNOUNCED_REASONS } from './events/event-stream.js';

type Json = Record<string, unknown>;

const STANDARD_WEBHOOKS = 'https://www.standardwebhooks.com/';
const SCHEMAS = '#/components/schemas/';
const MESSAGES = '#/components/messages/';
const AGENT = 'agent';
const STREAM_END = 'end';
const WEBHOOK_EVENT = 'webhook';

/**
 * Returns the AsyncAPI document of the event stream and the webhooks. The members of an event come from the OpenAPI
 * document, the types of events from {@link AUDIT_EVENT_TYPES}.
 */
export function createAsyncApiDocument(api: OpenAPIObject, publicUrl = DEFAULT_URL): Json {
  const { title, version, license } = api.info;
  const events = [...Object.entries(recordedEvents()), [AGENT, agentEvent()] as const];
  return {
    asyncapi: '3.0.0',
    info: {
      title: `${title}: events`,
      version,
      license,
      description:
        'The events of the audit log in the order of the event log, as a stream of Server-Sent Events and as webhooks. Each is a CloudEvents 1.0 event in JSON. A later version can add types of events, and members.',
    },
    defaultContentType: CLOUD_EVENTS,
    servers: { controller: serverOf(publicUrl) },
    channels: {
      stream: {
        address: '/events/stream',
        title: 'Event stream',
        description:
          'Server-Sent Events. `id` is the cursor, `event` the type of the event, and `data` the event. A reader continues after the cursor in `Last-Event-ID`. The OpenAPI document has the parameters.',
        servers: [{ $ref: '#/servers/controller' }],
        messages: Object.fromEntries(
          [...events.map(([name]) => name), STREAM_END].map((name) => [
            name,
            { $ref: `${MESSAGES}${name}` },
          ]),
        ),
      },
      webhook: {
        address: null,
        title: 'Webhook',
        description:
          'The URL of a webhook, which an admin creates with `POST /webhooks`. It receives each event that it selects at least once.',
        messages: { [WEBHOOK_EVENT]: { $ref: `${MESSAGES}${WEBHOOK_EVENT}` } },
      },
    },
    operations: {
      streamEvents: {
        action: 'send',
        channel: { $ref: '#/channels/stream' },
        summary: 'Sends the events that the caller can read.',
        security: [{ $ref: '#/components/securitySchemes/token' }],
        bindings: { http: { method: 'GET', bindingVersion: '0.3.0' } },
      },
      callWebhook: {
        action: 'send',
        channel: { $ref: '#/channels/webhook' },
        summary: 'Sends an event to a webhook, again until the response is 2xx.',
        bindings: { http: { method: 'POST', bindingVersion: '0.3.0' } },
        externalDocs: {
          url: STANDARD_WEBHOOKS,
          description: 'Standard Webhooks: verify the signature.',
        },
      },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: {
        ...Object.fromEntries(
          ['CloudEvent', 'EventData'].map((name) => [name, api.components?.schemas?.[name]]),
        ),
        ...Object.fromEntries(events.map(([name, { schema }]) => [name, schema])),
      },
      messages: {
        ...Object.fromEntries(events.map(([name, event]) => [name, messageOf(name, event)])),
        [STREAM_END]: {
          name: STREAM_END,
          title: 'End of the stream',
          description: 'The last event of a stream, without an id. Connect again with the last id.',
          contentType: 'application/json',
          payload: {
            type: 'object',
            required: ['reason'],
            properties: { reason: { type: 'string', enum: ANNOUNCED_REASONS } },
          },
        },
        [WEBHOOK_EVENT]: {
          name: WEBHOOK_EVENT,
          title: 'A request to a webhook',
          headers: WEBHOOK_HEADERS,
          payload: { anyOf: events.map(([name]) => ({ $ref: `${SCHEMAS}${name}` })) },
        },
      },
    },
  };
}

interface DescribedEvent {
  title: string;
  description: string;
  schema: Json;
}

function recordedEvents(): Record<string, DescribedEvent> {
  return Object.fromEntries(
    Object.entries(AUDIT_EVENT_TYPES).map(([eventType, { when, metadata }]) => {
      const type = toCloudEventType(eventType);
      const properties = { ...metadata, ...COMMON_METADATA };
      const schema = eventSchema({ const: type }, { type: 'object', properties });
      return [type, { title: type, description: `Recorded when ${withoutLinks(when)}.`, schema }];
    }),
  );
}

function agentEvent(): DescribedEvent {
  return {
    title: 'agent.<category>.<action>',
    description: 'Reported by an agent with `POST /audit/ingest`.',
    schema: eventSchema({ pattern: '^agent\\..+\\..+$' }, { type: 'object' }),
  };
}

function eventSchema(type: Json, metadata: Json): Json {
  const data = { type: 'object', properties: { metadata } };
  return {
    allOf: [{ $ref: `${SCHEMAS}CloudEvent` }, { type: 'object', properties: { type, data } }],
  };
}

function messageOf(name: string, { title, description }: DescribedEvent): Json {
  return { name, title, description, payload: { $ref: `${SCHEMAS}${name}` } };
}

const WEBHOOK_HEADERS = {
  type: 'object',
  required: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
  properties: {
    'webhook-id': {
      type: 'string',
      pattern: '^evt_([0-9]+_)?[0-9]+$',
      description: 'The position of the event, equal in all attempts.',
    },
    'webhook-timestamp': {
      type: 'string',
      pattern: '^[0-9]+$',
      description: 'Time of the attempt, in seconds since 1970.',
    },
    'webhook-signature': {
      type: 'string',
      pattern: '^v1,\\S+( v1,\\S+)*$',
      description: 'An HMAC-SHA256 of `{id}.{timestamp}.{body}` for each valid secret.',
    },
  },
};

function serverOf(publicUrl: string): Json {
  const { host, protocol, pathname } = new URL(publicUrl);
  const path = pathname.replace(/\/+$/, '');
  return { host, protocol: protocol.slice(0, -1), ...(path !== '' && { pathname: path }) };
}

function withoutLinks(text: string): string {
  return text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
}
