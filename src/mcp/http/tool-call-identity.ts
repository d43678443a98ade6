import { hash } from 'node:crypto';
import type { Request, Response } from 'express';
import { cancelledRequest } from '../tools/cancelled-request.js';
import type { CallId } from '../tools/deliveries.js';
import { recordOf } from '../tools/tool.js';
import type { Agent } from '../../auth/agent.js';
import { newId } from '../../observability/new-id.js';

const CLIENT_LABEL = 'Mcp-Session-Id';

/** Gives a client that connects the label that its later requests repeat. The controller does not store it. */
export function labelClient({ body }: Request, response: Response): void {
  if (recordOf(body).method === 'initialize') response.setHeader(CLIENT_LABEL, newId());
}

/** The identity of the call that a request makes. */
export function callOf(agent: Agent, request: Request): CallId {
  return callId(agent, request, recordOf(request.body).id);
}

/** The identity of the call that a request cancels; undefined if it cancels none. */
export function cancelledCallOf(agent: Agent, request: Request): CallId | undefined {
  const cancelled = cancelledRequest(request.body);
  return cancelled === undefined ? undefined : callId(agent, request, cancelled);
}

/** A client numbers its requests; those of two clients of one subject differ only by the label of the client. */
function callId({ subject }: Agent, request: Request, requestId: unknown): CallId {
  const label = request.headers[CLIENT_LABEL.toLowerCase()] ?? null;
  const key = hash('sha256', JSON.stringify([subject, label, requestId]), 'base64url');
  return { key, isUnique: label !== null };
}
