import type { RequestHandler } from 'express';

/** Forbids caching of responses: they are private to the caller and change at any time (RFC 9111 section 5.2.2.5). */
export const noStore: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};
