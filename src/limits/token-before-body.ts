import type { RequestHandler } from 'express';
import type { Agent } from '../auth/agent.js';
import type { AuthenticationService } from '../auth/authentication.service.js';
import { skipBody } from '../http/json-body.js';
import { hasBody } from '../observability/probes.js';
import { requestContext } from '../observability/request-context.js';
import type { AdmissionService } from './admission.service.js';

/**
 * Verifies the token of a request with a body, and counts its subject, before the body is read. Without a valid token the
 * body is not read: the route refuses the request, or ignores the body if it is public.
 */
export function tokenBeforeBody(
  authentication: AuthenticationService,
  admission: AdmissionService,
): RequestHandler {
  return (request, response, next) => {
    if (!hasBody(request)) {
      next();
      return;
    }
    const accept = (agent: Agent): void => {
      request.user = agent;
      const context = requestContext();
      if (context) context.subject = agent.subject;
      response.set(admission.admit(request, agent.subject));
      next();
    };
    const refuse = (): void => {
      skipBody(request);
      next();
    };
    let caller: Agent | Promise<Agent>;
    try {
      caller = authentication.authenticate(request, response);
    } catch {
      refuse();
      return;
    }
    if (caller instanceof Promise) caller.then(accept, refuse).catch(next);
    else accept(caller);
  };
}
