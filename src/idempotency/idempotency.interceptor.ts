import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { fingerprint } from './fingerprint.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { IdempotencyService, type KeyedRequest, type Outcome } from './idempotency.service.js';
import { idempotencyScope } from './scope.js';

type AgentRequest = Request & { user?: Agent };

const METHODS = new Set(['POST', 'PUT']);

/** Lets every POST and PUT that carries an `Idempotency-Key` happen once; knows nothing of what they do. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly idempotency: IdempotencyService) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<AgentRequest>();
    const keyed = METHODS.has(request.method) ? keyedRequest(request) : undefined;
    if (!keyed) return next.handle();
    const response = http.getResponse<Response>();
    response.setHeader('Idempotency-Key', keyed.key);
    const outcome = this.idempotency.once(keyed, async () => {
      const value: unknown = await lastValueFrom(next.handle());
      return {
        status: response.statusCode,
        body: value === undefined ? '' : JSON.stringify(value),
      };
    });
    return from(outcome.then((settled) => write(response, settled)));
  }
}

function keyedRequest({
  user,
  headers,
  method,
  path,
  body,
  query,
}: AgentRequest): KeyedRequest | undefined {
  const key = parseIdempotencyKey(headers['idempotency-key']);
  if (key === undefined || !user) return undefined;
  const { subject, roles } = user;
  const actingRole = defaultActingRole(user) ?? '';
  return {
    scope: idempotencyScope({ subject, actingRole, method, path, key }),
    fingerprint: fingerprint(body, query),
    key,
    caller: subject,
    roles,
    method,
    path,
  };
}

/** The body as the text that it was committed as: the first answer and its replays are equal byte by byte. */
function write(response: Response, { status, body, replayed }: Outcome): string {
  response.status(status);
  if (status !== 204) response.type('application/json');
  if (replayed) response.setHeader('Idempotent-Replayed', 'true');
  return body;
}
