import type { RequestId } from '@modelcontextprotocol/server';
import { recordOf } from './json-of.js';

/** Returns the id of the request that a JSON-RPC message cancels; undefined for any other message. */
export function cancelledRequest(message: unknown): RequestId | undefined {
  const { method, params } = recordOf(message);
  if (method !== 'notifications/cancelled') return undefined;
  const { requestId } = recordOf(params);
  return typeof requestId === 'string' || typeof requestId === 'number' ? requestId : undefined;
}
