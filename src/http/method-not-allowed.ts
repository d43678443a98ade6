import type { Express, NextFunction, Request, Response } from 'express';
import { DomainError } from '../errors/domain-error.js';

interface Layer {
  route?: { methods: Record<string, boolean> };
  match: (path: string) => boolean;
}

/** Tells, where a path exists but not with this method, which methods it takes (RFC 9110 §15.5.6). */
export function methodNotAllowed(server: Express) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    const allowed = methodsOf(server, request.path);
    if (allowed.length === 0 || allowed.includes(request.method)) {
      next();
      return;
    }
    throw new DomainError('request.method_not_allowed', `This route takes ${allowed.join(', ')}.`, {
      headers: { Allow: allowed.join(', ') },
    });
  };
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
