import type { ServerResponse } from 'node:http';

const limited = new WeakSet<ServerResponse>();

/** Marks a response that has a limit of its own for a client that does not read. The mark ends with the response. */
export function limitsReader(response: ServerResponse): void {
  limited.add(response);
}

/** Whether a limit of the response itself applies to its reader. */
export function hasReaderLimit(response: ServerResponse): boolean {
  return limited.has(response) && !response.writableEnded;
}
