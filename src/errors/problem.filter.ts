import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { DomainError } from './domain-error.js';
import { stackOf } from './error-text.js';
import { writeProblem } from './problem.js';

/**
 * Writes every error as a problem document (RFC 9457). Only an unexpected error becomes a 500, and only such an error is
 * logged with its stack.
 */
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
    writeProblem(response, `${publicPathOf(request)}${request.path}`, error);
  }
}

/** Setting of the Express application: the path of PUBLIC_URL. */
export const PUBLIC_PATH = 'public path';

/** Returns the path of `PUBLIC_URL`, which a proxy removes from paths. */
export function publicPathOf({ app }: Pick<Request, 'app'>): string {
  const path: unknown = app.get(PUBLIC_PATH);
  return typeof path === 'string' ? path : '';
}

function causeOf({ extras: { cause } }: DomainError): string {
  return cause instanceof Error ? cause.message : 'no cause';
}

/** Converts any exception into the error of the response. */
export function asDomainError(exception: unknown): DomainError {
  if (exception instanceof DomainError) return exception;
  // The body parser wraps what its `verify` throws.
  if (exception instanceof HttpException && exception.cause instanceof DomainError)
    return exception.cause;
  switch (httpStatusOf(exception)) {
    case 400:
      return new DomainError(
        'request.malformed',
        'The request cannot be parsed: the body must be a JSON object, and the path must be percent-encoded correctly.',
      );
    case 404:
      return new DomainError(
        'request.route_not_found',
        'No route has this path. Paths are case-sensitive and do not end with a slash.',
      );
    case 413:
      return new DomainError('request.too_large', 'The body must not exceed 1 MiB.');
    case 415:
      return new DomainError(
        'request.media_type',
        'Send the body as uncompressed application/json in UTF-8.',
      );
    default:
      return new DomainError(
        'server.error',
        'An internal error occurred; report it with the trace id.',
      );
  }
}

/** Returns the status of an error from Nest, Express or its body parser. */
function httpStatusOf(exception: unknown): number | undefined {
  if (exception instanceof HttpException) return exception.getStatus();
  const isTyped = exception instanceof Error && 'status' in exception;
  return isTyped && typeof exception.status === 'number' ? exception.status : undefined;
}
