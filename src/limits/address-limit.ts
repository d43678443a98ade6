import type { RequestHandler } from 'express';
import { isProbe } from '../observability/probes.js';
import { networkOf } from './address.js';
import type { RateLimits } from './rate-limits.service.js';

/** Lets one address call only so often. Comes before anything that costs: bodies, tokens, routes that do not exist. */
export function addressLimit(limits: RateLimits): RequestHandler {
  return (request, response, next) => {
    if (!isProbe(request.path)) response.set(limits.spend('address', networkOf(request.ip)));
    next();
  };
}
