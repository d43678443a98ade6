import type { ServerResponse } from 'node:http';

const limited = new WeakSet<ServerResponse>();

/** Declares that a response disconnects a client that does not read it, by a limit of its own, until it is ended. */
export function limitsReader(response: ServerResponse): void {
  limited.add(response);
}

/** Whether a limit of the response itself applies to its reader. */
export function hasReaderLimit(response: ServerResponse): boolean {
  return limited.has(response) && !response.writableEnded;
}
