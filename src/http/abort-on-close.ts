import type { ServerResponse } from 'node:http';

/** Returns a signal that is aborted when the response ends or its connection closes, so that no wait outlives its client. */
export function abortOnClose(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}
