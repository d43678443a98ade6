import { hash } from 'node:crypto';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { Request, Response } from 'express';
import { cancelledRequest } from '../agent-mesh/cancellation.js';
import { type CallId, Deliveries, type Delivery } from '../agent-mesh/deliveries.js';
import { recordOf } from '../agent-mesh/tool.js';
import type { Agent } from '../auth/agent.js';
import { Signals } from '../database/signals.js';
import { messageOf } from '../errors/explain.js';
import { newId } from '../observability/new-id.js';

const TOPIC = 'mcp_call_cancelled';
const CLIENT_LABEL = 'Mcp-Session-Id';

/** Gives a client that connects the label by which its later requests are known to be its own. Nothing is kept of it. */
export function labelClient({ body }: Request, response: Response): void {
  if (recordOf(body).method === 'initialize') response.setHeader(CLIENT_LABEL, newId());
}

/**
 * Which calls of tools have a client that waits for the response. A cancellation is a request of its own, which may come
 * to another process: it is announced to all of them.
 */
@Injectable()
export class ToolCallsService implements OnModuleInit {
  private readonly logger = new Logger(ToolCallsService.name);
  private readonly deliveries = new Deliveries();
  private readonly processId = newId();

  constructor(private readonly signals: Signals) {}

  onModuleInit(): void {
    this.signals.onAnnouncement(TOPIC, (text) => {
      const [process, key = '', isUnique] = text.split(' ');
      if (process !== this.processId) this.deliveries.cancel({ key, isUnique: isUnique === '1' });
    });
  }

  /** The delivery of what a request is answered, which is lost if the connection closes before. */
  begin(agent: Agent, request: Request, response: Response): Delivery {
    const call = callId(agent, request, recordOf(request.body).id);
    const delivery = this.deliveries.begin(call);
    const close = (): void => {
      if (!response.writableFinished) delivery.lose();
      this.deliveries.end(call, delivery);
    };
    if (response.closed) close();
    else response.once('close', close);
    return delivery;
  }

  /** Cancels the call that a request names, if that is what it is for, in whichever process it is. */
  async cancel(agent: Agent, request: Request): Promise<void> {
    const cancelled = cancelledRequest(request.body);
    if (cancelled === undefined) return;
    const { key, isUnique } = callId(agent, request, cancelled);
    this.deliveries.cancel({ key, isUnique });
    try {
      await this.signals.announce(TOPIC, `${this.processId} ${key} ${isUnique ? 1 : 0}`);
    } catch (error) {
      this.logger.warn(`Could not announce a cancellation: ${messageOf(error)}`);
    }
  }
}

/** A client numbers its requests; those of two clients of one subject differ only by the label of the client. */
function callId({ subject }: Agent, request: Request, requestId: unknown): CallId {
  const label = request.headers[CLIENT_LABEL.toLowerCase()] ?? null;
  const key = hash('sha256', JSON.stringify([subject, label, requestId]), 'base64url');
  return { key, isUnique: label !== null };
}
