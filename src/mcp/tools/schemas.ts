import type { JSONObject } from '@modelcontextprotocol/server';
import {
  DEFAULT_EXPIRY_SECONDS,
  EXPIRY_SECONDS,
  MAX_QUORUM,
} from '../../approvals/approval-limits.js';
import { APPROVER_KINDS } from '../../approvals/approver-kind.js';
import { PRIORITIES } from '../../tasks/priority.js';

/** A JSON Schema (2020-12) of one member. */
export type Schema = JSONObject;

export interface ObjectSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required: readonly string[];
  readonly additionalProperties?: boolean;
}

/**
 * The input schema of a tool. It uses only keywords that every client with function calling accepts, so it has no
 * `additionalProperties`; unknown arguments are refused at the call.
 */
export function inputSchema(
  properties: ObjectSchema['properties'],
  required: readonly string[] = [],
): ObjectSchema {
  return { type: 'object', properties, required };
}

/** The output schema of a tool: all these members are required. */
export function outputSchema(properties: ObjectSchema['properties']): ObjectSchema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: true,
  };
}

export function text(description: string, more: Schema = {}): Schema {
  return { type: 'string', description, ...more };
}

export function textOrNull(description: string): Schema {
  return { type: ['string', 'null'], description };
}

export function object(description: string): Schema {
  return { type: 'object', description };
}

export function integer(description: string, minimum: number, maximum: number): Schema {
  return { type: 'integer', description, minimum, maximum };
}

export function boolean(description: string): Schema {
  return { type: 'boolean', description };
}

export function list(description: string, items: Schema): Schema {
  return { type: 'array', description, items };
}

/** Appends a sentence to the description of a member. */
export function withNote(schema: Schema, note: string): Schema {
  const { description } = schema;
  return {
    ...schema,
    description: typeof description === 'string' ? `${description} ${note}` : note,
  };
}

/** Adds members that a result can lack. */
export function withOptional(
  schema: ObjectSchema,
  properties: ObjectSchema['properties'],
): ObjectSchema {
  return { ...schema, properties: { ...schema.properties, ...properties } };
}

/** An id in a path. The pattern excludes the delimiters of a URL. */
export function id(description: string): Schema {
  return text(description, { pattern: '^[A-Za-z0-9-]{1,100}$' });
}

export const TASK_ID = id('The task: task-<uuid>, as send_task returns it, or the bare UUID.');
export const SESSION_ID = id(
  'The session_id that claim_task returned: session-<uuid> or the bare UUID. Not the task_id.',
);
export const SESSION_STATUS = text('pending, active, completed, failed or expired.');
export const LEASE_EXPIRES_AT = textOrNull(
  'Lease expiry. Call heartbeat before this time. Null: no lease, or the session has ended.',
);
export const RUN_UNTIL = textOrNull(
  'Run limit: the attempt ends at this time even with heartbeats. Null: no limit.',
);
export const REASON = text('The reason, for the timeline of the task.', { maxLength: 1_000 });
export const ROLE = text(
  'The role to act for. Required only if whoami returns must_name_role true.',
);
/** The maximum is that of the routes that wait. */
export function waitSeconds(description: string): Schema {
  return integer(description, 0, 25);
}
export const PRIORITY = text(
  'Priority. Tasks of a higher priority are claimed first. Default: normal.',
  { enum: [...PRIORITIES] },
);
/** The minimum is an operator's setting (`LEASE_MIN_SECONDS`), so the schema does not contain it. */
export const LEASE_SECONDS = integer(
  'Length of the lease in seconds, at least 30 unless the operator allows less; default 300. Call heartbeat before it ends.',
  1,
  3_600,
);
export const PAGE_SIZE = integer('Number of items per page; default 20.', 1, 100);
export const CURSOR = text('The next_cursor of the previous page. Default: the first page.');
export const NEXT_CURSOR = textOrNull(
  'Pass it as cursor to read the next page; null on the last page.',
);
export const QUORUM = integer(
  'Number of subjects of the role that must approve; default 1.',
  1,
  MAX_QUORUM,
);
export const EXPIRES_IN_SECONDS = integer(
  `Seconds until the approval expires undecided; default ${DEFAULT_EXPIRY_SECONDS} (72 hours).`,
  EXPIRY_SECONDS.min,
  EXPIRY_SECONDS.max,
);
export const APPROVER_KIND = text('human: only a person can decide. Default: any.', {
  enum: [...APPROVER_KINDS],
});
