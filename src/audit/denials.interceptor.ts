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

/** Has every refusal for want of entitlement recorded. */
@Injectable()
export class DenialsInterceptor implements NestInterceptor {
  constructor(private readonly denials: Denials) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<Request & { user?: Agent }>();
    return next
      .handle()
      .pipe(
        catchError((error: unknown) =>
          from(this.denials.record(request.user, request, error)).pipe(
            mergeMap(() => throwError(() => error)),
          ),
        ),
      );
  }
}
