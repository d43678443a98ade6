import { hash } from 'node:crypto';
import type { Request, Response } from 'express';
import { cancelledRequest } from '../tools/cancelled-request.js';
import type { CallId } from '../tools/deliveries.js';
import { recordOf } from '../tools/json-of.js';
import type { Agent } from '../../auth/agent.js';
import { newId } from '../../common/new-id.js';

const CLIENT_LABEL = 'Mcp-Session-Id';

/** Sends a label to a client that initializes; its later requests repeat it. The controller does not store it. */
export function labelClient({ body }: Request, response: Response): void {
  if (recordOf(body).method === 'initialize') response.setHeader(CLIENT_LABEL, newId());
}

/** Returns the identity of the call in a request. */
export function callOf(agent: Agent, request: Request): CallId {
  return callId(agent, request, recordOf(request.body).id);
}

/** Returns the identity of the call that a request cancels; undefined if it cancels none. */
export function cancelledCallOf(agent: Agent, request: Request): CallId | undefined {
  const cancelled = cancelledRequest(request.body);
  return cancelled === undefined ? undefined : callId(agent, request, cancelled);
}

/** Clients number their requests, so calls of two clients with one subject differ only by the client label. */
function callId({ subject }: Agent, request: Request, requestId: unknown): CallId {
  const label = request.headers[CLIENT_LABEL.toLowerCase()] ?? null;
  const key = hash('sha256', JSON.stringify([subject, label, requestId]), 'base64url');
  return { key, isUnique: label !== null };
}
