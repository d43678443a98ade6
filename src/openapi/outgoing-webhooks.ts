import type { OpenAPIObject } from '@nestjs/swagger';
import { getSchemaPath } from '@nestjs/swagger';

type Webhooks = NonNullable<OpenAPIObject['webhooks']>;

const SIGNED_HEADERS = [
  [
    'webhook-id',
    'Id of the event, equal in all attempts. Ignore an id that you have received before.',
    { type: 'string', example: 'evt_4711' },
  ],
  [
    'webhook-timestamp',
    'Time of the attempt, in seconds since the epoch.',
    { type: 'integer', example: 1_769_860_805 },
  ],
  [
    'webhook-signature',
    '`v1,` and the HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}` in Base64, one for each valid secret, separated by spaces.',
    { type: 'string', example: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' },
  ],
] as const;

/**
 * Returns the requests that the controller sends to webhooks.
 *
 * @param event name of the class of the events
 */
export function outgoingWebhooks(event: string): Webhooks {
  return {
    event: {
      post: {
        operationId: 'receiveEvent',
        tags: ['Webhooks'],
        summary: 'Receive an event',
        description:
          'The controller sends this request to the URL of a webhook for each event. Verify the signature (Standard Webhooks), respond with 2xx within 15 seconds, and do the work afterwards. Every other response is a failure, and the request is repeated over three days.',
        security: [],
        parameters: SIGNED_HEADERS.map(([name, description, schema]) => ({
          ...{ name, in: 'header' as const, required: true, description, schema },
        })),
        requestBody: {
          required: true,
          description: 'The event.',
          content: { 'application/cloudevents+json': { schema: { $ref: getSchemaPath(event) } } },
        },
        responses: {
          '2XX': { description: 'The event was received. It is not sent again.' },
          '410': { description: 'The endpoint is gone. The webhook is disabled.' },
        },
      },
    },
  };
}
