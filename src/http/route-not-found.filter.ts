import { type ArgumentsHost, Catch, NotFoundException } from '@nestjs/common';
import type { Express, Request } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { ProblemFilter } from '../errors/problem.filter.js';

interface Layer {
  route?: { methods: Record<string, boolean> };
  match: (path: string) => boolean;
}

/**
 * Returns 405 with the allowed methods if a path exists with other methods (RFC 9110 section 15.5.6). It runs only for
 * requests without a matching route, so other requests do not pay for the search in all routes.
 */
@Catch(NotFoundException)
export class RouteNotFoundFilter extends ProblemFilter {
  override catch(exception: NotFoundException, host: ArgumentsHost): void | Promise<void> {
    const { app, path, method } = host.switchToHttp().getRequest<Request>();
    const allowed = methodsOf(app as Express, path);
    // A route that accepts the method can also return 404, such as the one of the files of the API docs.
    const isNotFound = allowed.length === 0 || allowed.includes(method);
    return super.catch(isNotFound ? exception : methodNotAllowed(allowed.join(', ')), host);
  }
}

/** The error for a method that a route does not accept (RFC 9110 section 15.5.6). */
export function methodNotAllowed(methods: string): DomainError {
  return new DomainError('request.method_not_allowed', `This route accepts only ${methods}.`, {
    headers: { Allow: methods },
  });
}

/** Returns the methods of all routes that match a path. */
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
