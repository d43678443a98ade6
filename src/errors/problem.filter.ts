import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { DomainError } from './domain-error.js';
import { problemOf } from './problem.js';

/** Writes every error as RFC 9457 has it. Only what nobody foresaw is a 500, and only that is logged with its stack. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void | Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const error = asDomainError(exception);
    if (error.code === 'server.error') this.logger.error(stackOf(exception));
    else if (error.extras.retryAfter !== undefined && error.extras.cause !== undefined)
      this.logger.warn(`${error.code}: ${causeOf(error)}`);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const problem = {
      ...problemOf(error.code, error.detail),
      instance: request.path.slice(0, 200),
      trace_id: String(response.getHeader('X-Trace-Id')),
      ...(error.extras.errors && { errors: error.extras.errors }),
    };
    response.status(problem.status).set(error.extras.headers ?? {});
    if (error.extras.retryAfter !== undefined)
      response.set('Retry-After', String(error.extras.retryAfter));
    response
      .set('Content-Type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(problem));
  }
}

/** Of an SQL error only this: its other members hold the parameters, which are input. */
function stackOf(exception: unknown): string {
  return exception instanceof Error ? (exception.stack ?? exception.message) : String(exception);
}

function causeOf({ extras: { cause } }: DomainError): string {
  return cause instanceof Error ? cause.message : 'no cause';
}

/** What the caller is told of whatever was thrown. */
export function asDomainError(exception: unknown): DomainError {
  if (exception instanceof DomainError) return exception;
  // The body parser wraps what its `verify` throws.
  if (exception instanceof HttpException && exception.cause instanceof DomainError)
    return exception.cause;
  switch (httpStatusOf(exception)) {
    case 400:
      return new DomainError(
        'request.malformed',
        'The request cannot be read: its body must be a JSON object, its path free of broken escapes.',
      );
    case 404:
      return new DomainError('request.route_not_found', 'There is no such route.');
    case 413:
      return new DomainError('request.too_large', 'The body must not exceed 1 MiB.');
    case 415:
      return new DomainError(
        'request.media_type',
        'Send the body as uncompressed application/json in UTF-8.',
      );
    default:
      return new DomainError('server.error', 'Something went wrong; the trace id tells us what.');
  }
}

/** The status that Nest, Express or its body parser gave to an error of theirs. */
function httpStatusOf(exception: unknown): number | undefined {
  if (exception instanceof HttpException) return exception.getStatus();
  const isTyped = exception instanceof Error && 'status' in exception;
  return isTyped && typeof exception.status === 'number' ? exception.status : undefined;
}
