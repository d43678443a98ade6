import { UUID_PATTERN } from '../common/uuid.js';

/** The id of a webhook in the path, for the OpenAPI document. */
export const WEBHOOK_ID = {
  name: 'id',
  description: 'Id of the webhook.',
  schema: {
    type: 'string' as const,
    pattern: `^${UUID_PATTERN}$`,
    example: '019a1b2c-9999-7f5a-8b6c-7d8e9f0a1b2c',
  },
};

export const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description:
    '`ETag` of the version that you read. If the webhook has changed since, the response is 412 `webhook.version_mismatch` and nothing changes.',
  schema: { type: 'string' as const },
};

/** Headers of a response whose body is one webhook. */
export const WITH_ETAG = {
  ETag: {
    description: 'Entity tag of this version, for `If-Match`. A replay has none.',
    schema: { type: 'string' as const },
  },
};
