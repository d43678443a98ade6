import type { IncomingMessage } from 'node:http';

/** How often a request carries a header. Node keeps the first of some, or joins them, and does not tell. */
export function timesSent({ rawHeaders }: IncomingMessage, header: string): number {
  const name = header.toLowerCase();
  // Names and values take turns.
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length;
}
