import type { ServerResponse } from 'node:http';

/** Removes the headers of a resource that a handler set before its transaction was rolled back. */
export function removeResourceHeaders(response: ServerResponse): void {
  response.removeHeader('ETag');
  response.removeHeader('Location');
}
