import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { removeResourceHeaders } from '../common/resource-headers.js';
import { PromiseInterceptor } from '../http/promise-interceptor.js';
import { IdempotencyService, type KeyedResponse } from './idempotency.service.js';
import { keyedRequest } from './keyed-request.js';
import { SKIP_IDEMPOTENCY } from './skip-idempotency.decorator.js';

type AgentRequest = Request & { user?: Agent };

/** Executes each `POST` and `PUT` with an `Idempotency-Key` at most once, independent of its route. */
@Injectable()
export class IdempotencyInterceptor extends PromiseInterceptor {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly reflector: Reflector,
  ) {
    super();
  }

  appliesTo({ headers }: Request): boolean {
    return headers['idempotency-key'] !== undefined;
  }

  async interceptPromise(
    context: ExecutionContext,
    handle: () => Promise<unknown>,
  ): Promise<unknown> {
    if (this.reflector.get<boolean | undefined>(SKIP_IDEMPOTENCY, context.getHandler())) {
      return handle();
    }
    const http = context.switchToHttp();
    const request = http.getRequest<AgentRequest>();
    const { user: agent, method, path, query } = request;
    const body: unknown = request.body;
    const rawKey = request.headers['idempotency-key'];
    const keyed = agent && keyedRequest({ agent, rawKey, method, path, body, query });
    if (!keyed) return handle();
    const response = http.getResponse<Response>();
    response.setHeader('Idempotency-Key', keyed.key);
    const outcome = await this.idempotency.execute(keyed, async () => {
      const value = await handle();
      return {
        status: response.statusCode,
        body: value === undefined ? '' : JSON.stringify(value),
      };
    });
    return write(response, outcome);
  }
}

/** Sends the body as the committed text, so that the first response and its replays are equal byte for byte. */
function write(response: Response, { status, body, replayed }: KeyedResponse): string {
  response.status(status);
  if (status !== 204) response.type('application/json');
  if (replayed) {
    response.setHeader('Idempotent-Replayed', 'true');
    // The handler may have run, and lost its transaction to the first response.
    removeResourceHeaders(response);
  }
  return body;
}
