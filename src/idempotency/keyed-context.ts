import type { EntityManager } from 'typeorm';
import { TransactionContext } from '../database/transaction-context.js';
import { parseUuid } from '../common/uuid.js';
import { derivedTaskKey } from './derived-task-key.js';
import type { KeyedRequest } from './keyed-request.js';

/** A change that a request made. */
export interface AffectedResource {
  /** Role that the request acted for. */
  role: string;
  /** Type and id of the resource that was created or changed. */
  type: 'task' | 'session' | 'approval' | 'audit_event';
  id: string;
}

/** Candidates for `tasks.idempotency_key`. */
export interface TaskKey {
  /** The client's idempotency key if it is a UUID. */
  readonly preferred?: string;
  /** Used without a preferred key, or if that is in use already. */
  readonly derived: string;
}

/** The context of the transaction of a keyed request. */
export interface KeyedContext {
  readonly request: KeyedRequest;
  /** Number of times that the idempotency key has been new, including this one. */
  readonly generation: number;
  /** Whether the absence of an earlier record is verified. Otherwise the INSERT of the record verifies it. */
  readonly isVerified: boolean;
  /** First change of the request. */
  affected?: AffectedResource;
}

export const keyedContexts = new TransactionContext<KeyedContext>();

/** Stores the first change of a keyed request for its record; ignores later ones, and those of other requests. */
export function recordAffectedResource(manager: EntityManager, resource: AffectedResource): void {
  const context = keyedContexts.find(manager);
  if (context) context.affected ??= resource;
}

/** Returns the database keys for a task of a keyed request; undefined for other requests. */
export function findTaskKey(manager: EntityManager): TaskKey | undefined {
  const context = keyedContexts.find(manager);
  if (!context) return undefined;
  const { request, generation } = context;
  const preferred = parseUuid(request.key);
  return { ...(preferred && { preferred }), derived: derivedTaskKey(request.scope, generation) };
}
