import { type ArgumentsHost, Catch, NotFoundException } from '@nestjs/common';
import type { Express, Request } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { ProblemFilter } from '../errors/problem.filter.js';

interface Layer {
  route?: { methods: Record<string, boolean> };
  match: (path: string) => boolean;
}

/**
 * Tells, where a path exists but not with this method, which methods it takes (RFC 9110 section 15.5.6). Only a
 * request that no route took comes here, so that the others do not pay for the look at all routes.
 */
@Catch(NotFoundException)
export class RouteNotFoundFilter extends ProblemFilter {
  override catch(exception: NotFoundException, host: ArgumentsHost): void | Promise<void> {
    const { app, path, method } = host.switchToHttp().getRequest<Request>();
    const allowed = methodsOf(app as Express, path);
    // A route that takes the method may find nothing all the same, as the one of the documentation's files.
    const isNotFound = allowed.length === 0 || allowed.includes(method);
    return super.catch(isNotFound ? exception : methodNotAllowed(allowed.join(', ')), host);
  }
}

/** A request with a method that its route does not take (RFC 9110 section 15.5.6). */
export function methodNotAllowed(methods: string): DomainError {
  return new DomainError('request.method_not_allowed', `This route takes ${methods}.`, {
    headers: { Allow: methods },
  });
}

/** The methods of all routes that match a path. */
function methodsOf(server: Express, path: string): string[] {
  const layers = server.router.stack as unknown as Layer[];
  const methods = layers
    .filter((layer) => layer.route !== undefined && layer.match(path))
    .flatMap((layer) => Object.keys(layer.route?.methods ?? {}))
    .map((method) => method.toUpperCase());
  const unique = new Set(methods);
  if (unique.has('GET')) unique.add('HEAD');
  return [...unique].sort();
}
