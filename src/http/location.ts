import type { Response } from 'express';
import { publicPathOf } from '../errors/problem.filter.js';

/** The header `Location` of a response, for the API document. */
export const LOCATION = {
  Location: {
    description:
      'Path of the new resource. Absent from a replay, and from a response of version 0.4.0 during a rolling upgrade.',
    schema: { type: 'string' as const, format: 'uri-reference' },
  },
};

/**
 * Sets the header `Location` of a response that created a resource (RFC 9110 section 10.2.2), and returns its body.
 *
 * @param path path of the resource at this process; the header has the path of `PUBLIC_URL` too
 */
export function withLocation<B>(response: Response, path: string, body: B): B {
  response.setHeader('Location', `${publicPathOf(response)}${path}`);
  return body;
}
