import { Logger } from '@nestjs/common';
import type { Request, RequestHandler, Response } from 'express';
import type { MetricsService } from './metrics.service.js';
import { isProbe } from './probes.js';
import { requestContext } from './request-context.js';

/** Measures and logs each request when its response ends or its client disconnects (status 499). */
export function requestLog(metrics: MetricsService): RequestHandler {
  const logger = new Logger('Request');
  return (request, response, next) => {
    const started = process.hrtime.bigint();
    const context = requestContext();
    response.once('close', () => {
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      const { method } = request;
      const route = routePatternOf(request.route) ?? 'none';
      const status = statusOf(response);
      metrics.requests.observe({ method, route, status }, seconds);
      if (isAnsweredProbe(request, status)) return;
      logger.log({
        method,
        route,
        status,
        ms: Math.round(seconds * 1000),
        subject: context?.subject,
        trace_id: context?.traceId,
      });
    });
    next();
  };
}

/** Whether a request is a probe that was answered: with success, or with the state of readiness. */
function isAnsweredProbe(request: Request, status: number): boolean {
  if (!isProbe(request)) return false;
  return (status >= 200 && status < 300) || (status === 503 && request.path === '/health/ready');
}

/** Returns the status of a response that has ended; 499 if the client disconnected before. */
export function statusOf(response: Response): number {
  return response.writableFinished ? response.statusCode : 499;
}

/** Returns the template of the matched route, so that ids do not become names of series and spans. */
export function routePatternOf(route: unknown): string | undefined {
  return typeof route === 'object' &&
    route !== null &&
    'path' in route &&
    typeof route.path === 'string'
    ? route.path
    : undefined;
}
