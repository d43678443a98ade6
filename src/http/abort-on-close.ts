import type { ServerResponse } from 'node:http';

/** Returns a signal that is aborted when the response ends or its connection closes, so that no wait outlives its client. */
export function abortOnClose(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  // The client can have disconnected while its token was verified. Then no event follows.
  if (response.closed) gone.abort();
  response.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}
