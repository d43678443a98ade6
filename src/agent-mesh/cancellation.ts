import type { RequestId } from '@modelcontextprotocol/server';
import { recordOf } from './tool.js';

/** Which request a message of JSON-RPC cancels, if it is the notification that does so. */
export function cancelledRequest(message: unknown): RequestId | undefined {
  const { method, params } = recordOf(message);
  if (method !== 'notifications/cancelled') return undefined;
  const { requestId } = recordOf(params);
  return typeof requestId === 'string' || typeof requestId === 'number' ? requestId : undefined;
}
