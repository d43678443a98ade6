import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request } from 'express';
import { catchError, from, mergeMap, type Observable, throwError } from 'rxjs';
import type { Agent } from '../auth/agent.js';
import { Denials } from './denials.service.js';

/** Has every call recorded that was refused for want of entitlement. */
@Injectable()
export class DenialsInterceptor implements NestInterceptor {
  constructor(private readonly denials: Denials) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { user: agent, method, path } = requestOf(context);
    return next
      .handle()
      .pipe(
        catchError((error: unknown) =>
          from(this.denials.note({ agent, method, path }, error)).pipe(
            mergeMap(() => throwError(() => error)),
          ),
        ),
      );
  }
}

function requestOf(context: ExecutionContext): Request & { user?: Agent } {
  return context.switchToHttp().getRequest<Request & { user?: Agent }>();
}
