import type { RequestHandler } from 'express';

/** Answers are for the caller alone and true only now (RFC 9111 §5.2.2.5). */
export const noStore: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};
