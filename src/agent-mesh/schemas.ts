import type { JSONObject } from '@modelcontextprotocol/server';
import {
  DEFAULT_EXPIRY_SECONDS,
  EXPIRY_SECONDS,
  MAX_QUORUM,
} from '../approvals/approval-limits.js';
import { APPROVER_KINDS } from '../approvals/approver-kinds.js';
import { PRIORITIES } from '../tasks/priority.js';

/** A JSON Schema (2020-12) of one member. */
export type Schema = JSONObject;

export interface ObjectSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required: readonly string[];
  readonly additionalProperties?: boolean;
}

/**
 * What a tool takes: nothing but the members that it names, and those of v0.4. Only keywords that every client of
 * function calling accepts; `additionalProperties` is none of them.
 */
export function takes(
  properties: ObjectSchema['properties'],
  required: readonly string[] = [],
): ObjectSchema {
  return { type: 'object', properties, required };
}

/** What a tool answers: all of these members, each as described. */
export function answers(properties: ObjectSchema['properties']): ObjectSchema {
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

export function whole(description: string, minimum: number, maximum: number): Schema {
  return { type: 'integer', description, minimum, maximum };
}

export function flag(description: string): Schema {
  return { type: 'boolean', description };
}

export function list(description: string, items: Schema): Schema {
  return { type: 'array', description, items };
}

/** An id in a path: nothing that a URL would read otherwise. */
export function id(description: string): Schema {
  return text(description, { pattern: '^[A-Za-z0-9-]{1,100}$' });
}

export const TASK_ID = id('The task: task-<uuid> as send_task answered, or the bare uuid.');
export const SESSION_ID = id(
  'The session_id that claim_task answered: session-<uuid> or the bare uuid. Not the task’s id.',
);
export const ROLE = text(
  'The role to act for. Only needed if you hold several; whoami lists yours.',
);
export const PRIORITY = text('How urgent it is. Default: normal.', { enum: [...PRIORITIES] });
export const LEASE_SECONDS = whole(
  'For how many seconds you need not be heard of; default 300. Call heartbeat before they end.',
  1,
  3_600,
);
export const PAGE_SIZE = whole('How many to list; default 20.', 1, 100);
export const CURSOR = text('Where the page before ended: its next_cursor.');
export const NEXT_CURSOR = textOrNull('Give it as cursor to read on; null on the last page.');
export const QUORUM = whole(
  'How many subjects of the role have to approve; default 1.',
  1,
  MAX_QUORUM,
);
export const EXPIRES_IN_SECONDS = whole(
  `For how long it can be decided; default ${DEFAULT_EXPIRY_SECONDS}, which is 72 hours.`,
  EXPIRY_SECONDS.min,
  EXPIRY_SECONDS.max,
);
export const APPROVER_KIND = text('human, if only a person may decide. Default: any.', {
  enum: [...APPROVER_KINDS],
});
