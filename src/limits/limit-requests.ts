import type { Request, RequestHandler } from 'express';
import { isProbe } from '../observability/probes.js';
import { networkOf } from './address.js';
import type { AdmissionService } from './admission.service.js';
import { kindOf } from './request-kind.js';

/**
 * Rejects requests while the process is overloaded, and limits their rate per address. Runs before bodies and tokens are
 * parsed and before routes are matched.
 *
 * @param mayWait returns whether a request is one that can wait, besides those of the API
 */
export function limitRequests(
  admission: AdmissionService,
  mayWait: (request: Request) => boolean = () => false,
): RequestHandler {
  return (request, response, next) => {
    const address = networkOf(request.ip, request.socket.remoteAddress);
    const exchange = { request, response };
    if (!isProbe(request)) {
      const kind = mayWait(request) ? 'waiting' : kindOf(request);
      response.set(admission.enter(kind, address, exchange));
      next();
    } else if (request.path !== '/metrics') {
      admission.exemptProbe(address, exchange);
      next();
    } else {
      admission.enterScrape(address, exchange).then((headers) => {
        response.set(headers);
        next();
      }, next);
    }
  };
}
