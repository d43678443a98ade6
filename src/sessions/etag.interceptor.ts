import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { Response } from 'express';
import { type Observable, tap } from 'rxjs';
import type { SessionDto } from './dto/session.dto.js';
import { etagOf } from './etag.js';

/** Gives an answer that is one session its entity tag. */
@Injectable()
export class EtagInterceptor implements NestInterceptor<SessionDto, SessionDto> {
  intercept(context: ExecutionContext, next: CallHandler<SessionDto>): Observable<SessionDto> {
    const response = context.switchToHttp().getResponse<Response>();
    return next.handle().pipe(
      tap((session) => {
        response.setHeader('ETag', etagOf(session));
      }),
    );
  }
}
