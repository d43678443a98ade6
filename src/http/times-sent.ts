import type { IncomingMessage } from 'node:http';

/** How often a request carries a header. Node keeps the first of some, or joins them, and does not tell. */
export function timesSent(request: IncomingMessage, header: string): number {
  const name = header.toLowerCase();
  if (!repeatsHeaders(request)) return name in request.headers ? 1 : 0;
  // Names and values take turns.
  return request.rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name)
    .length;
}

/** Whether a request carries any header more than once. */
export function repeatsHeaders({ headers, rawHeaders }: IncomingMessage): boolean {
  return Object.keys(headers).length < rawHeaders.length / 2;
}
