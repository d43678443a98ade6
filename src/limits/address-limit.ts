import type { RequestHandler } from 'express';
import { isProbe } from '../observability/probes.js';
import { networkOf } from './address.js';
import type { RateLimitsService } from './rate-limits.service.js';

/** Rate-limits requests per address. Runs before bodies and tokens are parsed and before routes are matched. */
export function addressLimit(limits: RateLimitsService): RequestHandler {
  return (request, response, next) => {
    if (!isProbe(request.path)) response.set(limits.consume('address', networkOf(request.ip)));
    next();
  };
}
